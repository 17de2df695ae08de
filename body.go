package coviu

import (
	"time"

	"github.com/coviu/coviu-go-sdk/internal/dates"
	"github.com/coviu/coviu-go-sdk/internal/jsonwriter"
)

// What follows writes the requests as JSON. It is written out, field by field,
// because a request's dates go out in the form that the client is set to, and
// because a booking should cost no more than its bytes.

// body writes one request; zero fields and nil pointers are left out.
type body struct {
	text    []byte
	rfc1123 bool
}

func (c *Client) newBody() *body {
	return &body{text: append(make([]byte, 0, 512), '{'), rfc1123: c != nil && c.config.rfc1123}
}

func (b *body) end() []byte { return append(b.text, '}') }

func (b *body) string(name, value string) {
	if value != "" {
		b.pointer(name, &value)
	}
}

func (b *body) pointer(name string, value *string) {
	if value != nil {
		b.text = jsonwriter.AppendString(jsonwriter.AppendName(b.text, name), *value)
	}
}

func (b *body) date(name string, t time.Time) {
	if t.IsZero() {
		return
	}
	b.text = append(jsonwriter.AppendName(b.text, name), '"')
	b.text = append(appendDate(b.text, t, b.rfc1123), '"')
}

func appendDate(dst []byte, t time.Time, rfc1123 bool) []byte {
	if rfc1123 {
		return dates.AppendRFC1123(dst, t)
	}
	return dates.AppendRFC3339(dst, t)
}

func (b *body) participant(r *ParticipantCreationRequest) {
	b.string("display_name", r.DisplayName)
	b.string("role", string(r.Role))
	b.string("picture", r.Picture)
	b.string("state", r.State)
	b.string("phone", r.Phone)
}

func (c *Client) sessionCreationBody(r *SessionCreationRequest) []byte {
	b := c.newBody()
	b.string("session_name", r.SessionName)
	b.date("start_time", r.StartTime)
	b.date("end_time", r.EndTime)
	b.string("picture", r.Picture)
	if len(r.Participants) > 0 {
		b.text = append(jsonwriter.AppendName(b.text, "participants"), '[')
		for i := range r.Participants {
			b.text = append(jsonwriter.AppendName(b.text, ""), '{')
			b.participant(&r.Participants[i])
			b.text = append(b.text, '}')
		}
		b.text = append(b.text, ']')
	}
	if len(r.FeatureFlags) > 0 {
		b.text = append(jsonwriter.AppendName(b.text, "feature_flags"), '[')
		for _, flag := range r.FeatureFlags {
			b.text = jsonwriter.AppendString(jsonwriter.AppendName(b.text, ""), flag)
		}
		b.text = append(b.text, ']')
	}
	return b.end()
}

func (c *Client) sessionUpdateBody(r *SessionUpdateRequest) []byte {
	b := c.newBody()
	b.pointer("session_name", r.SessionName)
	b.date("start_time", valueOf(r.StartTime))
	b.date("end_time", valueOf(r.EndTime))
	b.pointer("picture", r.Picture)
	return b.end()
}

func (c *Client) participantCreationBody(r *ParticipantCreationRequest) []byte {
	b := c.newBody()
	b.participant(r)
	return b.end()
}

func (c *Client) participantUpdateBody(r *ParticipantUpdateRequest) []byte {
	b := c.newBody()
	b.pointer("display_name", r.DisplayName)
	b.pointer("role", (*string)(r.Role))
	b.pointer("picture", r.Picture)
	b.pointer("state", r.State)
	return b.end()
}
