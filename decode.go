package coviu

import (
	"bytes"
	"encoding/json"
	"maps"
	"sync"
	"time"

	"github.com/coviu/coviu-go-sdk/internal/arena"
	"github.com/coviu/coviu-go-sdk/internal/dates"
	"github.com/coviu/coviu-go-sdk/internal/jsoncursor"
)

// The functions below read what the service promised to send: a model without
// its id is refused, and so is a page that has neither content nor more. Every
// error is a *jsoncursor.Error. Nothing that they return shares memory with body.

func decodeSession(body []byte) (*Session, error) {
	return decodePromised(body, (*decoder).session)
}

func decodeParticipant(body []byte) (*Participant, error) {
	return decodePromised(body, (*decoder).participant)
}

func decodeSessionPage(body []byte) (*SessionPage, error) {
	return decodePromised(body, (*decoder).sessionPage)
}

// decodeParticipantPage also reads a bare array and, as an empty page, null.
func decodeParticipantPage(body []byte) (*ParticipantPage, error) {
	return decodePromised(body, (*decoder).participantPage)
}

// decodeUnitResponse leaves {"ok":false}, which is readable, to its caller.
func decodeUnitResponse(body []byte) (*UnitResponse, error) {
	return decodePromised(body, (*decoder).unitResponse)
}

// UnmarshalJSON reads a session as the service writes it. As in any struct,
// fields that are left out keep their values, and after an error all do.
func (s *Session) UnmarshalJSON(text []byte) error {
	return unmarshal(text, s, (*decoder).session)
}

// UnmarshalJSON reads a participant as the service writes it. As in any struct,
// fields that are left out keep their values, and after an error all do.
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

func decodePromised[T any](body []byte, read func(*decoder, *T)) (*T, error) {
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

func decode[T any](text []byte, promised bool, model *T, read func(*decoder, *T)) error {
	d, _ := decoders.Get().(*decoder)
	if d == nil {
		d = new(decoder)
	}
	err := decodeWith(d, text, promised, model, read)
	if d.reset() {
		decoders.Put(d)
	}
	return err
}

func decodeWith[T any](d *decoder, text []byte, promised bool, model *T, read func(*decoder, *T)) error {
	d.cursor.Reset(text)
	d.promised = promised
	// Half of a reply is names, punctuation and what is said twice.
	d.strings.Expect(min(len(text)/2, 1<<10))
	read(d, model)
	d.cursor.End()
	if err := d.cursor.Err(); err != nil {
		return err
	}
	return nil
}

var decoders sync.Pool // of *decoder

// A decoder reads one reply. Lists grow in its scratch slices and are copied
// out at their exact length.
type decoder struct {
	cursor   jsoncursor.Cursor
	promised bool

	strings arena.Arena
	// team, client and owner are the last team_id, client_id and session_id of a
	// participant or, for the last, of the session around it: mostly the next one's too.
	team, client, owner string
	// listed says that strings which items share must not live in an arena,
	// where one of them would keep all of another item's alive.
	listed bool

	sessions     []Session
	participants []Participant
	flags        []string
	scratch      []byte
}

// reset forgets the reply but not the scratch, and says whether that is worth
// keeping: not what a giant reply needed.
func (d *decoder) reset() bool {
	d.cursor.Reset(nil)
	*d = decoder{cursor: d.cursor, sessions: d.sessions, participants: d.participants, flags: d.flags, scratch: d.scratch}
	return cap(d.sessions) <= 512 && cap(d.participants) <= 256 && cap(d.flags) <= 256 &&
		cap(d.scratch)+d.cursor.Footprint() <= 64<<10
}

func (d *decoder) session(s *Session) {
	d.owner = ""
	s.Extra = maps.Clone(s.Extra)
	for name := range d.cursor.Fields() {
		switch string(name) {
		case "session_id":
			d.text(&s.SessionID)
			d.owner = s.SessionID
		case "team_id":
			d.shared(&s.TeamID, &d.team)
		case "client_id":
			d.shared(&s.ClientID, &d.client)
		case "session_name":
			d.text(&s.SessionName)
		case "start_time":
			d.date(&s.StartTime)
		case "end_time":
			d.date(&s.EndTime)
		case "picture":
			d.text(&s.Picture)
		case "participants":
			s.Participants = d.participantList()
		case "feature_flags":
			s.FeatureFlags = d.flagList()
		case "canceled_time":
			s.CanceledTime = d.optionalDate()
		case "actual_end_time":
			s.ActualEndTime = d.optionalDate()
		default:
			d.extra(&s.Extra, name)
		}
	}
	d.require("session_id", s.SessionID != "")
}

func (d *decoder) participant(p *Participant) {
	p.Extra = maps.Clone(p.Extra)
	for name := range d.cursor.Fields() {
		switch string(name) {
		case "participant_id":
			d.text(&p.ParticipantID)
		case "session_id":
			d.shared(&p.SessionID, &d.owner)
		case "client_id":
			d.shared(&p.ClientID, &d.client)
		case "display_name":
			d.text(&p.DisplayName)
		case "role":
			d.role(&p.Role)
		case "picture":
			d.text(&p.Picture)
		case "state":
			d.text(&p.State)
		case "entry_url":
			d.text(&p.EntryURL)
		case "deleted_at":
			p.DeletedAt = d.optionalDate()
		case "coviu_user_id":
			d.text(&p.CoviuUserID)
		case "user_hint":
			d.text(&p.UserHint)
		case "phone":
			d.text(&p.Phone)
		case "fee":
			d.text(&p.Fee)
		default:
			d.extra(&p.Extra, name)
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
	case d.cursor.Null():
	case d.cursor.AtArray():
		*p = ParticipantPage{Content: d.participantItems()}
	default:
		d.page(&p.More, &p.Page, &p.PageSize, &p.PageCount, func() int {
			p.Content = d.participantItems()
			return len(p.Content)
		})
	}
}

// page reads a page whose content readContent reads and counts. Where more is
// missing, only an empty page says that there is none.
func (d *decoder) page(more *bool, number, size, count *int, readContent func() int) {
	var items int
	var hasContent, hasMore bool
	for name := range d.cursor.Fields() {
		switch string(name) {
		case "content":
			items = readContent()
			hasContent = true
		case "more":
			if v, ok := d.cursor.Bool(); ok {
				*more, hasMore = v, true
			}
		case "page":
			d.integer(number)
		case "page_size":
			d.integer(size)
		case "page_count":
			d.integer(count)
		default:
			d.cursor.Raw()
		}
	}
	d.require("content", hasContent || hasMore)
	if hasContent && !hasMore {
		*more = items > 0
	}
}

func (d *decoder) unitResponse(u *UnitResponse) {
	var hasOK bool
	for name := range d.cursor.Fields() {
		if string(name) != "ok" {
			d.cursor.Raw()
		} else if v, ok := d.cursor.Bool(); ok {
			u.OK, hasOK = v, true
		}
	}
	d.require("ok", hasOK)
}

func (d *decoder) require(name string, present bool) {
	if d.promised && !present {
		d.cursor.FailIn(name, "missing")
	}
}

func (d *decoder) sessionList() []Session {
	d.listed = true
	return list(d, &d.sessions, func(d *decoder, s *Session) {
		d.strings.Next()
		d.session(s)
	})
}

// participantItems reads participants that stand on their own, outside of a
// session.
func (d *decoder) participantItems() []Participant {
	d.listed = true
	return list(d, &d.participants, func(d *decoder, p *Participant) {
		d.strings.Next()
		d.participant(p)
	})
}

func (d *decoder) participantList() []Participant {
	return list(d, &d.participants, (*decoder).participant)
}

func (d *decoder) flagList() []string {
	return list(d, &d.flags, (*decoder).text)
}

// list reads an array by way of scratch, nil for an empty one.
func list[T any](d *decoder, scratch *[]T, read func(*decoder, *T)) []T {
	for range d.cursor.Elements() {
		*scratch = append(*scratch, *new(T))
		read(d, &(*scratch)[len(*scratch)-1])
	}
	if len(*scratch) == 0 {
		return nil
	}
	exact := make([]T, len(*scratch))
	copy(exact, *scratch)
	clear(*scratch)
	*scratch = (*scratch)[:0]
	return exact
}

func (d *decoder) text(field *string) {
	if text, ok := d.cursor.Text(); ok {
		*field = d.strings.Add(text)
	}
}

// shared reads a string that the last item is likely to have had too.
func (d *decoder) shared(field, last *string) {
	text, ok := d.cursor.Text()
	if !ok {
		return
	}
	if string(text) != *last {
		if d.listed {
			*last = string(text)
		} else {
			*last = d.strings.Add(text)
		}
	}
	*field = *last
}

func (d *decoder) role(field *Role) {
	text, ok := d.cursor.Text()
	if !ok {
		return
	}
	d.scratch = d.scratch[:0]
	for _, b := range text {
		if 'a' <= b && b <= 'z' {
			b -= 'a' - 'A'
		}
		d.scratch = append(d.scratch, b)
	}
	switch role := Role(d.scratch); role {
	case RoleHost:
		*field = RoleHost
	case RoleGuest:
		*field = RoleGuest
	case RoleParticipant:
		*field = RoleParticipant
	default:
		*field = Role(d.strings.Add(d.scratch))
	}
}

func (d *decoder) date(field *time.Time) {
	text, ok := d.cursor.Text()
	if !ok {
		return
	}
	t, err := dates.Parse(text)
	if err != nil {
		d.cursor.Fail(err.Error())
		return
	}
	*field = t
}

func (d *decoder) optionalDate() *time.Time {
	if d.cursor.Null() {
		return nil
	}
	t := new(time.Time)
	d.date(t)
	return t
}

func (d *decoder) integer(field *int) {
	if n, ok := d.cursor.Int(); ok {
		*field = n
	}
}

// extra keeps an unknown field in the form in which json.Marshal would write
// it, so that it is the same after any number of round trips.
func (d *decoder) extra(extra *map[string]json.RawMessage, name []byte) {
	key := string(name)
	d.scratch = jsoncursor.AppendCompact(d.scratch[:0], d.cursor.Raw())
	if d.cursor.Err() != nil {
		return
	}
	if *extra == nil {
		*extra = make(map[string]json.RawMessage)
	}
	(*extra)[key] = bytes.Clone(d.scratch)
}
