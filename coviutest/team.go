package coviutest

import (
	"cmp"
	"encoding/json"
	"strings"
)

// Team is what GET /user/team tells of the team that a user or an API key
// belongs to.
type Team struct {
	// TeamID names the team; empty is the server's own team.
	TeamID string `json:"team_id"`
	// Name is the team's name.
	Name string `json:"name"`
	// Subdomain is the team's part of the host name under which it works.
	Subdomain string `json:"subdomain"`
}

// SetTeam sets the name and the subdomain of a team and returns it complete.
// Empty ones are made from the team's id, as they are for every team that was
// not set. An unknown TeamID makes a new team.
func (s *Server) SetTeam(t Team) Team {
	s.mu.Lock()
	defer s.mu.Unlock()
	held := s.teamOrOwn(t.TeamID)
	held.name, held.subdomain = t.Name, t.Subdomain
	return held.model()
}

func (t *team) model() Team {
	return Team{
		TeamID:    t.id,
		Name:      cmp.Or(t.name, "Team "+t.id),
		Subdomain: cmp.Or(t.subdomain, hostLabel(t.id)),
	}
}

// hostLabel makes a text fit for a part of a host name.
func hostLabel(text string) string {
	return strings.Map(func(r rune) rune {
		if 'a' <= r && r <= 'z' || '0' <= r && r <= '9' {
			return r
		}
		return '-'
	}, strings.ToLower(text))
}

// getTeam answers GET /user/team.
func (s *Server) getTeam(c *call) reply {
	body, _ := json.Marshal(c.caller.user.team.model())
	return ok(body)
}
