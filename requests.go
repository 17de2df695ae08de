package coviu

import (
	"bytes"
	"encoding/json"
	"time"

	"github.com/google/go-querystring/query"

	"github.com/coviu/coviu-go-sdk/internal/dates"
)

// The functions below write request bodies. Their date fields take the place of
// those of the request, because an option of the client decides the form of a date.
// SessionName is repeated only to stay the first field.

func (c *Client) sessionCreationBody(r *SessionCreationRequest) []byte {
	return encode(struct {
		SessionName string `json:"session_name,omitempty"`
		StartTime   string `json:"start_time,omitempty"`
		EndTime     string `json:"end_time,omitempty"`
		*SessionCreationRequest
	}{r.SessionName, c.date(r.StartTime), c.date(r.EndTime), r})
}

func (c *Client) sessionUpdateBody(r *SessionUpdateRequest) []byte {
	return encode(struct {
		SessionName *string `json:"session_name,omitempty"`
		StartTime   string  `json:"start_time,omitempty"`
		EndTime     string  `json:"end_time,omitempty"`
		*SessionUpdateRequest
	}{r.SessionName, c.date(valueOf(r.StartTime)), c.date(valueOf(r.EndTime)), r})
}

// encode writes a request as JSON. That can't fail, since requests hold strings
// only. It writes <, > and & as they are.
func encode(request any) []byte {
	var b bytes.Buffer
	e := json.NewEncoder(&b)
	e.SetEscapeHTML(false)
	_ = e.Encode(request)
	return bytes.TrimSuffix(b.Bytes(), []byte("\n"))
}

const deletedParticipants = "deleted_participants=true"

type sessionQuery struct {
	Page                int    `url:"page,omitempty"`
	PageSize            int    `url:"page_size,omitempty"`
	StartTime           string `url:"start_time,omitempty"`
	EndTime             string `url:"end_time,omitempty"`
	IncludeCanceled     bool   `url:"include_canceled,omitempty"`
	DeletedParticipants bool   `url:"deleted_participants,omitempty"`
	State               string `url:"state,omitempty"`
	Order               Order  `url:"order,omitempty"`
}

func (c *Client) sessionQuery(o *SessionListOptions) (string, error) {
	if o == nil {
		return "", nil
	}
	values, err := query.Values(sessionQuery{
		Page:                o.Page,
		PageSize:            o.PageSize,
		StartTime:           c.date(o.StartTime),
		EndTime:             c.date(o.EndTime),
		IncludeCanceled:     o.IncludeCanceled,
		DeletedParticipants: o.DeletedParticipants,
		State:               o.State,
		Order:               o.Order,
	})
	if err != nil {
		return "", &ValidationError{"options", "can't be written as a query"}
	}
	return values.Encode(), nil
}

// date writes t in the form that the client is set to. A zero t becomes "".
func (c *Client) date(t time.Time) string {
	if t.IsZero() {
		return ""
	}
	if c != nil && c.config.rfc1123 {
		return string(dates.AppendRFC1123(nil, t))
	}
	return string(dates.AppendRFC3339(nil, t))
}
