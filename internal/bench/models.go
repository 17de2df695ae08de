package main

import "time"

// The models of the clients that decode with encoding/json into plain values.
type session struct {
	SessionID     string        `json:"session_id"`
	TeamID        string        `json:"team_id"`
	ClientID      string        `json:"client_id"`
	SessionName   string        `json:"session_name"`
	StartTime     time.Time     `json:"start_time"`
	EndTime       time.Time     `json:"end_time"`
	Picture       string        `json:"picture"`
	Participants  []participant `json:"participants"`
	FeatureFlags  []string      `json:"feature_flags"`
	CanceledTime  *time.Time    `json:"canceled_time"`
	ActualEndTime *time.Time    `json:"actual_end_time"`
}

type participant struct {
	ParticipantID string     `json:"participant_id"`
	SessionID     string     `json:"session_id"`
	ClientID      string     `json:"client_id"`
	DisplayName   string     `json:"display_name"`
	Role          string     `json:"role"`
	Picture       string     `json:"picture"`
	State         string     `json:"state"`
	EntryURL      string     `json:"entry_url"`
	DeletedAt     *time.Time `json:"deleted_at"`
	CoviuUserID   string     `json:"coviu_user_id"`
	UserHint      string     `json:"user_hint"`
	Phone         string     `json:"phone"`
	Fee           string     `json:"fee"`
}

type sessionPage struct {
	Content   []session `json:"content"`
	More      bool      `json:"more"`
	Page      int       `json:"page"`
	PageSize  int       `json:"page_size"`
	PageCount int       `json:"page_count"`
}

type unitResponse struct {
	OK bool `json:"ok"`
}

type creationRequest struct {
	SessionName  string               `json:"session_name,omitempty"`
	StartTime    time.Time            `json:"start_time"`
	EndTime      time.Time            `json:"end_time"`
	Picture      string               `json:"picture,omitempty"`
	Participants []participantRequest `json:"participants,omitempty"`
	FeatureFlags []string             `json:"feature_flags,omitempty"`
}

type updateRequest struct {
	SessionName *string `json:"session_name,omitempty"`
}

type participantRequest struct {
	DisplayName string `json:"display_name,omitempty"`
	Role        string `json:"role,omitempty"`
	Picture     string `json:"picture,omitempty"`
	State       string `json:"state,omitempty"`
	Phone       string `json:"phone,omitempty"`
}

func newParticipantRequest() participantRequest { return participantRequest{DisplayName: guestName} }

func newCreationRequest() creationRequest {
	return creationRequest{
		SessionName: bookedName,
		StartTime:   bookedStart,
		EndTime:     bookedEnd,
		Participants: []participantRequest{
			{DisplayName: hostName, Role: "HOST"},
			{DisplayName: guestName, Role: "GUEST", State: bookedState},
		},
	}
}

func (s *session) proof() proof {
	return proof{sessions: 1, entryURL: s.Participants[len(s.Participants)-1].EntryURL}
}

func (p *sessionPage) proof() proof {
	return proof{sessions: len(p.Content), entryURL: p.Content[len(p.Content)-1].proof().entryURL}
}
