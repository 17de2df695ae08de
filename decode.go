package coviu

import (
	"errors"
	"maps"
	"math"
	"sync"

	"github.com/coviu/coviu-go-sdk/internal/jsonreader"
)

// The decode functions read what the service promised: they refuse a model without
// its id, and a page that has neither content nor more. Every error is a
// *jsoncursor.Error, except errNotOK. The result shares no memory with body.

func decodeSession(body []byte) (*Session, error) {
	return decodeStrictly(body, (*decoder).session)
}

func decodeParticipant(body []byte) (*Participant, error) {
	return decodeStrictly(body, (*decoder).participant)
}

func decodeSessionPage(body []byte) (*SessionPage, error) {
	return decodeStrictly(body, (*decoder).sessionPage)
}

// decodeParticipantPage also reads a bare array and, as an empty page, null.
func decodeParticipantPage(body []byte) (*ParticipantPage, error) {
	return decodeStrictly(body, (*decoder).participantPage)
}

// decodeUnitResponse returns {"ok":false} without an error.
func decodeUnitResponse(body []byte) (*UnitResponse, error) {
	return decodeStrictly(body, (*decoder).unitResponse)
}

// errNotOK says that the service answered a deletion with a success and ok: false.
var errNotOK = errors.New("not ok")

// decodeDeletion reads the reply to a deletion, which may be empty.
func decodeDeletion(body []byte) (*UnitResponse, error) {
	if len(body) == 0 {
		return &UnitResponse{OK: true}, nil
	}
	unit, err := decodeUnitResponse(body)
	if err == nil && !unit.OK {
		return nil, errNotOK
	}
	return unit, err
}

// UnmarshalJSON reads a session as the service writes it. Fields that are left
// out keep their values; after an error all fields do.
func (s *Session) UnmarshalJSON(text []byte) error {
	return unmarshal(text, s, (*decoder).session)
}

// UnmarshalJSON reads a participant as the service writes it. Fields that are
// left out keep their values; after an error all fields do.
func (p *Participant) UnmarshalJSON(text []byte) error {
	return unmarshal(text, p, (*decoder).participant)
}

// UnmarshalJSON reads a page of sessions as the service writes it.
func (p *SessionPage) UnmarshalJSON(text []byte) error {
	return unmarshal(text, p, (*decoder).sessionPage)
}

// UnmarshalJSON reads the participants of a session in both ways in which
// servers write them: as a page and as a bare array.
func (p *ParticipantPage) UnmarshalJSON(text []byte) error {
	return unmarshal(text, p, (*decoder).participantPage)
}

// UnmarshalJSON reads the reply to a deletion.
func (u *UnitResponse) UnmarshalJSON(text []byte) error {
	return unmarshal(text, u, (*decoder).unitResponse)
}

func decodeStrictly[T any](body []byte, read func(*decoder, *T)) (*T, error) {
	model := new(T)
	if err := decode(body, true, model, read); err != nil {
		return nil, err
	}
	return model, nil
}

func unmarshal[T any](text []byte, model *T, read func(*decoder, *T)) error {
	next := *model
	if err := decode(text, false, &next, read); err != nil {
		return err
	}
	*model = next
	return nil
}

func decode[T any](text []byte, strict bool, model *T, read func(*decoder, *T)) error {
	d, _ := decoders.Get().(*decoder)
	if d == nil {
		d = new(decoder)
	}
	defer func() {
		d.reset()
		decoders.Put(d)
	}()
	return decodeWith(d, text, strict, model, read)
}

func decodeWith[T any](d *decoder, text []byte, strict bool, model *T, read func(*decoder, *T)) error {
	budget := int64(math.MaxInt64)
	if strict {
		budget = decodeBudget(len(text))
	}
	d.Reset(text, budget)
	d.strict = strict
	read(d, model)
	d.End()
	if err := d.Err(); err != nil {
		return err
	}
	return nil
}

// decodeBudget is how many bytes decoding a reply may allocate, garbage included.
// A few bytes of JSON can take much more memory as a model, so the limit of a
// reply's size alone does not bound the heap. Reading a reply allocates 1.5 times
// the limit; with this budget a call stays below 5 times the limit, for limits
// from 2 MiB. Replies as the service writes them need 1.5 times their size, and a
// page of 200 small sessions fits into the constant.
func decodeBudget(size int) int64 { return 1<<20 + int64(size)*5/2 }

var decoders sync.Pool // of *decoder

// A decoder reads one reply.
type decoder struct {
	jsonreader.Reader
	strict bool

	// team, client and owner are the last team_id, client_id and session_id that
	// were read. The next item often has the same.
	team, client, owner string

	// What follows is used again for the next reply.
	sessions     []Session
	participants []Participant
	flags        []string
}

// reset drops everything but the scratch memory.
func (d *decoder) reset() {
	d.Reset(nil, 0)
	*d = decoder{Reader: d.Reader, sessions: d.sessions, participants: d.participants, flags: d.flags}
}

func (d *decoder) session(s *Session) {
	d.owner = ""
	s.Extra = maps.Clone(s.Extra)
	for name := range d.Fields() {
		switch string(name) {
		case "session_id":
			d.String(&s.SessionID)
			d.owner = s.SessionID
		case "team_id":
			d.SharedString(&s.TeamID, &d.team)
		case "client_id":
			d.SharedString(&s.ClientID, &d.client)
		case "session_name":
			d.String(&s.SessionName)
		case "start_time":
			d.Time(&s.StartTime)
		case "end_time":
			d.Time(&s.EndTime)
		case "picture":
			d.String(&s.Picture)
		case "participants":
			s.Participants = d.participantList()
		case "feature_flags":
			s.FeatureFlags = d.flagList()
		case "canceled_time":
			s.CanceledTime = d.OptionalTime()
		case "actual_end_time":
			s.ActualEndTime = d.OptionalTime()
		default:
			d.Unknown(&s.Extra, name)
		}
	}
	d.require("session_id", s.SessionID != "")
}

func (d *decoder) participant(p *Participant) {
	p.Extra = maps.Clone(p.Extra)
	for name := range d.Fields() {
		switch string(name) {
		case "participant_id":
			d.String(&p.ParticipantID)
		case "session_id":
			d.SharedString(&p.SessionID, &d.owner)
		case "client_id":
			d.SharedString(&p.ClientID, &d.client)
		case "display_name":
			d.String(&p.DisplayName)
		case "role":
			d.role(&p.Role)
		case "picture":
			d.String(&p.Picture)
		case "state":
			d.String(&p.State)
		case "entry_url":
			d.String(&p.EntryURL)
		case "deleted_at":
			p.DeletedAt = d.OptionalTime()
		case "coviu_user_id":
			d.String(&p.CoviuUserID)
		case "user_hint":
			d.String(&p.UserHint)
		case "phone":
			d.String(&p.Phone)
		case "fee":
			d.String(&p.Fee)
		default:
			d.Unknown(&p.Extra, name)
		}
	}
	d.require("participant_id", p.ParticipantID != "")
}

func (d *decoder) sessionPage(p *SessionPage) {
	d.page(&p.More, &p.Page, &p.PageSize, &p.PageCount, func() int {
		p.Content = d.sessionList()
		return len(p.Content)
	})
}

func (d *decoder) participantPage(p *ParticipantPage) {
	switch {
	case d.Null():
	case d.Peek() == '[':
		*p = ParticipantPage{Content: d.participantItems()}
	default:
		d.page(&p.More, &p.Page, &p.PageSize, &p.PageCount, func() int {
			p.Content = d.participantItems()
			return len(p.Content)
		})
	}
}

// page reads a page. readContent reads the content and returns the number of its
// items. If more is missing, an empty page is the last one.
func (d *decoder) page(more *bool, number, size, count *int, readContent func() int) {
	var items int
	var hasContent, hasMore bool
	for name := range d.Fields() {
		switch string(name) {
		case "content":
			items = readContent()
			hasContent = true
		case "more":
			if v, ok := d.Bool(); ok {
				*more, hasMore = v, true
			}
		case "page":
			d.Int(number)
		case "page_size":
			d.Int(size)
		case "page_count":
			d.Int(count)
		default:
			d.Raw()
		}
	}
	d.require("content", hasContent || hasMore)
	if hasContent && !hasMore {
		*more = items > 0
	}
}

func (d *decoder) unitResponse(u *UnitResponse) {
	var hasOK bool
	for name := range d.Fields() {
		if string(name) != "ok" {
			d.Raw()
		} else if v, ok := d.Bool(); ok {
			u.OK, hasOK = v, true
		}
	}
	d.require("ok", hasOK)
}

func (d *decoder) require(name string, present bool) {
	if d.strict && !present {
		d.FailIn(name, "missing")
	}
}

func (d *decoder) sessionList() []Session {
	return jsonreader.List(&d.Reader, &d.sessions, func(s *Session) {
		d.NextItem()
		d.session(s)
	})
}

// participantItems reads participants that are not part of a session.
func (d *decoder) participantItems() []Participant {
	return jsonreader.List(&d.Reader, &d.participants, func(p *Participant) {
		d.NextItem()
		d.participant(p)
	})
}

func (d *decoder) participantList() []Participant {
	return jsonreader.List(&d.Reader, &d.participants, d.participant)
}

func (d *decoder) flagList() []string {
	return jsonreader.List(&d.Reader, &d.flags, d.String)
}

func (d *decoder) role(field *Role) {
	text, ok := d.UpperCase()
	if !ok {
		return
	}
	switch role := Role(text); role {
	case RoleHost:
		*field = RoleHost
	case RoleGuest:
		*field = RoleGuest
	case RoleParticipant:
		*field = RoleParticipant
	default:
		*field = Role(d.Copy(text))
	}
}
