package coviu

import (
	"encoding/json"
	"strings"
	"time"
)

// Role is what a participant may do in a session. The service accepts roles in
// upper and lower case, and answers in upper case. A role that this version does not
// know is kept.
type Role string

// The roles that the service names.
const (
	// RoleHost starts the call and admits guests.
	RoleHost Role = "HOST"
	// RoleGuest waits to be admitted. It is the role of a participant who is added
	// without one.
	RoleGuest Role = "GUEST"
	// RoleParticipant is the newest of the three; older accounts do not have it.
	RoleParticipant Role = "PARTICIPANT"
)

// Order is the direction of a list of sessions. The empty Order leaves the
// choice to the service, which lists forward.
type Order string

// The orders that the service names. A list is ordered by creation, or by start
// time if StartTime or EndTime is given. OrderReverse reverses that.
const (
	OrderForward Order = "forward"
	OrderReverse Order = "reverse"
)

// Session is one video call: an appointment with the people who may enter it.
//
// A field that the service left out, or sent as null, is the zero value.
// Times read as UTC. Printing a Session or logging it shows neither ids nor
// names nor links; [json.Marshal] keeps everything.
type Session struct {
	// SessionID names the session in every later call.
	SessionID string `json:"session_id"`
	// TeamID and ClientID say whose session it is.
	TeamID   string `json:"team_id,omitempty"`
	ClientID string `json:"client_id,omitempty"`
	// SessionName is the title that participants see.
	SessionName string `json:"session_name,omitempty"`
	// StartTime and EndTime bound the appointment.
	StartTime time.Time `json:"start_time,omitzero"`
	EndTime   time.Time `json:"end_time,omitzero"`
	// Picture is the URL of an image for the session.
	Picture string `json:"picture,omitempty"`
	// Participants are the people of the session. Removed ones are included only
	// if the call asked for DeletedParticipants.
	Participants []Participant `json:"participants"`
	// FeatureFlags switch features of the call, such as "-plugin;NAME".
	FeatureFlags []string `json:"feature_flags,omitempty"`
	// CanceledTime is when the session was canceled, or nil.
	CanceledTime *time.Time `json:"canceled_time,omitempty"`
	// ActualEndTime is when the call really ended, or nil if the service does not
	// say.
	ActualEndTime *time.Time `json:"actual_end_time,omitempty"`
	// Extra holds the fields that this version does not know, as JSON text
	// without insignificant space. Marshalling writes them beside the others.
	Extra map[string]json.RawMessage `json:"-"`
}

// Participant is one person in one session.
//
// Printing a Participant or logging it shows neither ids nor names nor links;
// [json.Marshal] keeps everything.
type Participant struct {
	// ParticipantID names the participant in every later call.
	ParticipantID string `json:"participant_id"`
	// SessionID is the session that the participant belongs to.
	SessionID string `json:"session_id,omitempty"`
	// ClientID says whose participant it is.
	ClientID string `json:"client_id,omitempty"`
	// DisplayName is the name that others see in the call.
	DisplayName string `json:"display_name,omitempty"`
	// Role is upper case, whatever case the service sent.
	Role Role `json:"role,omitempty"`
	// Picture is the URL of an image for the participant.
	Picture string `json:"picture,omitempty"`
	// State is free text for the caller's own use, for example a booking id.
	// The service makes one up when none is sent.
	State string `json:"state,omitempty"`
	// EntryURL is the personal link into the call. Whoever holds it can enter
	// as this participant: treat it as a secret.
	EntryURL string `json:"entry_url,omitempty"`
	// DeletedAt is when the participant was removed, or nil.
	DeletedAt *time.Time `json:"deleted_at,omitempty"`
	// CoviuUserID is set for participants who have an account of their own.
	CoviuUserID string `json:"coviu_user_id,omitempty"`
	// UserHint, Phone and Fee are newer fields; Fee is a JSON document inside a
	// string.
	UserHint string `json:"user_hint,omitempty"`
	Phone    string `json:"phone,omitempty"`
	Fee      string `json:"fee,omitempty"`
	// Extra holds the fields that this version does not know, as in Session.
	Extra map[string]json.RawMessage `json:"-"`
}

// WithRole returns the participants who have the role r, without those who were
// removed. Find the people of a session by role or by State. Their order in
// Participants is the service's, and may change.
func (s *Session) WithRole(r Role) []Participant {
	if s == nil {
		return nil
	}
	var found []Participant
	for _, p := range s.Participants {
		if p.DeletedAt == nil && strings.EqualFold(string(p.Role), string(r)) {
			found = append(found, p)
		}
	}
	return found
}

// WithState returns the participant with the given State. It reports false if
// there is none, or if that participant was removed.
func (s *Session) WithState(state string) (Participant, bool) {
	if s == nil {
		return Participant{}, false
	}
	for _, p := range s.Participants {
		if p.DeletedAt == nil && p.State == state {
			return p, true
		}
	}
	return Participant{}, false
}

// SessionPage is one page of a list of sessions.
type SessionPage struct {
	// Content holds the sessions of this page, in the order of the list.
	Content []Session `json:"content"`
	// More says that the list goes on. If the service leaves it out, it is true
	// for a page that has content: then an empty page is the last one.
	More bool `json:"more"`
	// Page, PageSize and PageCount are what the service reported. Servers
	// disagree on their meaning (Page may count from one, PageSize may be the
	// number of sessions in this page), so never compute the next page from
	// them: [SessionService.Pages] and [SessionService.All] do it right.
	Page      int `json:"page,omitempty"`
	PageSize  int `json:"page_size,omitempty"`
	PageCount int `json:"page_count,omitempty"`
}

// ParticipantPage is the participants of one session.
type ParticipantPage struct {
	// Content holds the participants.
	Content []Participant `json:"content"`
	// More says that there are participants beyond this page. The endpoint takes
	// no page number, so there is no next page to ask for.
	More bool `json:"more"`
	// Page, PageSize and PageCount are what the service reported, if anything.
	Page      int `json:"page,omitempty"`
	PageSize  int `json:"page_size,omitempty"`
	PageCount int `json:"page_count,omitempty"`
}

// UnitResponse is the reply to a deletion.
type UnitResponse struct {
	// OK is always true: a reply with ok: false is an [*APIError].
	OK bool `json:"ok"`
}

// SessionCreationRequest describes a session to be booked.
//
// StartTime and EndTime are required. They are sent in UTC with milliseconds;
// smaller units are cut. Zero fields are left out. The start has to be in the
// future and the end after it. The client checks only the order of the two,
// because its clock may differ from the service's.
type SessionCreationRequest struct {
	// SessionName is the title that participants see.
	SessionName string `json:"session_name,omitempty"`
	// StartTime is when the appointment starts.
	StartTime time.Time `json:"start_time"`
	// EndTime is when it ends.
	EndTime time.Time `json:"end_time"`
	// Picture is the URL of an image for the session.
	Picture string `json:"picture,omitempty"`
	// Participants are added to the session when it is created.
	Participants []ParticipantCreationRequest `json:"participants,omitempty"`
	// FeatureFlags switch features of the call, such as "-plugin;NAME".
	FeatureFlags []string `json:"feature_flags,omitempty"`
}

// SessionUpdateRequest describes a change of a session. A nil field stays as it is.
// A pointer to "" clears a text; new("") makes one. A request with only nil fields
// is a [*ValidationError].
type SessionUpdateRequest struct {
	// SessionName is the new title.
	SessionName *string `json:"session_name,omitempty"`
	// StartTime is the new start, sent as in a SessionCreationRequest.
	StartTime *time.Time `json:"start_time,omitempty"`
	// EndTime is the new end.
	EndTime *time.Time `json:"end_time,omitempty"`
	// Picture is the new image's URL.
	Picture *string `json:"picture,omitempty"`
}

// ParticipantCreationRequest describes a person to be added to a session. All
// fields are optional and zero fields are left out; without a Role the person
// becomes a guest, without a State the service makes one up.
type ParticipantCreationRequest struct {
	// DisplayName is the name that others see in the call.
	DisplayName string `json:"display_name,omitempty"`
	// Role may be in upper or lower case.
	Role Role `json:"role,omitempty"`
	// Picture is the URL of an image for the participant.
	Picture string `json:"picture,omitempty"`
	// State is free text for the caller's own use; lists can be filtered by it.
	State string `json:"state,omitempty"`
	// Phone is a newer field; older servers ignore it.
	Phone string `json:"phone,omitempty"`
}

// ParticipantUpdateRequest describes a change of a participant. A nil field stays as
// it is. A pointer to "" clears a text. A request with only nil fields is a
// [*ValidationError].
type ParticipantUpdateRequest struct {
	// DisplayName is the new name.
	DisplayName *string `json:"display_name,omitempty"`
	// Role is the new role.
	Role *Role `json:"role,omitempty"`
	// Picture is the new image's URL.
	Picture *string `json:"picture,omitempty"`
	// State is the new free text.
	State *string `json:"state,omitempty"`
}

// SessionGetOptions are the options of [SessionService.Get]; nil means none.
type SessionGetOptions struct {
	// DeletedParticipants asks for removed participants too.
	DeletedParticipants bool
}

// SessionListOptions are the options of [SessionService.List],
// [SessionService.Pages] and [SessionService.All]; nil means none.
type SessionListOptions struct {
	// Page is the page to start with, counted from zero. Pages and All count
	// pages of the list with canceled sessions in it, whatever IncludeCanceled
	// says.
	Page int
	// PageSize is the number of sessions in a page, at most 200. Zero leaves
	// it to the service, which takes 200.
	PageSize int
	// Prefetch is how many pages Pages and All fetch ahead of their consumer,
	// at most 64. Zero fetches a page when it is wanted. The service does not get
	// this option.
	Prefetch int
	// StartTime asks for sessions that start at or after it. EndTime is the bound
	// at the other end; the service's documents disagree on whether a session has
	// to start or to end before it. Zero means no bound. With either, the service
	// orders the list by start time.
	StartTime, EndTime time.Time
	// IncludeCanceled asks for canceled sessions too.
	IncludeCanceled bool
	// DeletedParticipants asks for removed participants too.
	DeletedParticipants bool
	// State asks for sessions that have a participant with this State.
	State string
	// Order is the direction of the list; empty is forward.
	Order Order
}

// ParticipantListOptions are the options of [ParticipantService.List]; nil
// means none.
type ParticipantListOptions struct {
	// DeletedParticipants asks for removed participants too.
	DeletedParticipants bool
}
