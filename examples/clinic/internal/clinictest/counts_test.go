package clinictest

import (
	"slices"
	"strconv"
	"strings"

	"github.com/jackc/pgx/v5/pgxpool"
	"github.com/stretchr/testify/require"

	"github.com/coviu/coviu-go-sdk"
	"github.com/coviu/coviu-go-sdk/examples/clinic/appointments"
)

// counts are what the service and the database hold in the end.
type counts struct {
	appointments, booked, canceled int
	// doubled were booked more than once, lost have no session, wrong have other
	// times or people, undead are canceled and have a live session.
	doubled, lost, wrong, undead int
	// stuck are in doubt or need a person, differing have another id in the
	// database.
	stuck, differing int
}

func (c *chaos) count(pool *pgxpool.Pool) (n counts, details []string) {
	c.t.Helper()
	sessions := map[string][]coviu.Session{}
	for _, s := range c.service.Sessions() {
		sessions[appointmentOf(&s)] = append(sessions[appointmentOf(&s)], s)
	}
	note := func(counter *int, id, what string) {
		*counter++
		details = append(details, id+": "+what)
	}
	for id, w := range c.wanted {
		n.appointments++
		all := sessions[id]
		live := slices.DeleteFunc(slices.Clone(all), func(s coviu.Session) bool { return s.CanceledTime != nil })
		if len(all) > 1 {
			note(&n.doubled, id, strconv.Itoa(len(all))+" sessions")
		}
		var status, sessionID string
		var participants map[string]string
		err := pool.QueryRow(c.t.Context(), `SELECT CASE WHEN synced < revision OR in_doubt OR problem <> '' THEN 'stuck: ' || problem
			WHEN canceled THEN 'canceled' ELSE 'booked' END, session_id, participants FROM clinic_appointments WHERE id = $1`, id).
			Scan(&status, &sessionID, &participants)
		require.NoError(c.t, err, id)
		switch {
		case w.canceled && len(live) > 0:
			note(&n.undead, id, "a live session")
		case w.canceled:
			n.canceled++
		case len(live) == 0:
			note(&n.lost, id, "no session")
		case !agrees(&live[0], id, &w.Wish):
			note(&n.wrong, id, "other times or people")
		default:
			n.booked++
		}
		switch {
		case w.canceled && status != "canceled", !w.canceled && status != "booked":
			note(&n.stuck, id, status)
		case !w.canceled && len(live) == 1 && !sameIDs(&live[0], sessionID, participants):
			note(&n.differing, id, "other ids in the database")
		}
	}
	return n, details
}

func appointmentOf(s *coviu.Session) string {
	for _, p := range s.Participants {
		if id, ok := strings.CutPrefix(p.State, "clinic-"); ok {
			id, _, _ = strings.Cut(id, ".")
			return id
		}
	}
	return ""
}

func agrees(s *coviu.Session, id string, w *appointments.Wish) bool {
	there, asked := []string{}, []string{}
	for _, p := range s.Participants {
		if p.DeletedAt == nil {
			there = append(there, p.State+"/"+p.DisplayName+"/"+string(p.Role))
		}
	}
	for _, p := range w.People {
		state := "clinic-" + id + "." + p.Ref
		if p.Role == coviu.RoleHost {
			state = "clinic-" + id
		}
		asked = append(asked, state+"/"+p.Name+"/"+string(p.Role))
	}
	slices.Sort(there)
	slices.Sort(asked)
	return s.StartTime.Equal(w.Start) && s.EndTime.Equal(w.End) && slices.Equal(there, asked)
}

func sameIDs(s *coviu.Session, sessionID string, participants map[string]string) bool {
	if s.SessionID != sessionID {
		return false
	}
	live := 0
	for _, p := range s.Participants {
		if p.DeletedAt == nil {
			live++
		}
	}
	for _, id := range participants {
		if !slices.ContainsFunc(s.Participants, func(p coviu.Participant) bool { return p.ParticipantID == id && p.DeletedAt == nil }) {
			return false
		}
	}
	return live == len(participants)
}
