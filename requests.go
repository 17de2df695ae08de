package coviu

import (
	"bytes"
	"context"
	"io"
	"net/http"
	"net/url"
	"time"

	"github.com/coviu/coviu-go-sdk/internal/dates"
	"github.com/coviu/coviu-go-sdk/internal/jsonwriter"
)

// blankRequest is what every request is a copy of.
func blankRequest(base *url.URL) *http.Request {
	return &http.Request{
		URL:        base,
		Host:       base.Host,
		Proto:      "HTTP/1.1",
		ProtoMajor: 1,
		ProtoMinor: 1,
		Header:     http.Header{},
	}
}

// target is the address of the call's resource. Every attempt shares it.
func (c *Client) target(r *request) *url.URL {
	u := below(c.blank.URL, r.path)
	u.RawQuery = r.query
	return u
}

// below is the address of path, which needs no escaping, under base.
func below(base *url.URL, path string) *url.URL {
	u := *base
	u.Path += path
	if u.RawPath != "" {
		u.RawPath += path
	}
	return &u
}

// newRequest makes one attempt's request. Its header is the bearer's business:
// what stands in it here, http.Client would copy once more.
func (x *exchange) newRequest(ctx context.Context) *http.Request {
	req := x.client.blank.WithContext(ctx)
	req.Method = x.method
	req.URL = x.target
	if body := x.body; body != nil {
		// net/http repeats with GetBody what it knows was not sent.
		req.GetBody = func() (io.ReadCloser, error) { return io.NopCloser(bytes.NewReader(body)), nil }
		req.Body, _ = req.GetBody()
		req.ContentLength = int64(len(body))
	}
	return req
}

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
