package main

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"time"

	"github.com/google/go-querystring/query"
)

// githubStyle is written like go-github and godo: NewRequest resolves paths
// against a base URL, Do decodes a stream into models made of pointers.
type githubStyle struct {
	baseURL *url.URL
	http    *http.Client
}

type pointerSession struct {
	SessionID     *string               `json:"session_id,omitempty"`
	TeamID        *string               `json:"team_id,omitempty"`
	ClientID      *string               `json:"client_id,omitempty"`
	SessionName   *string               `json:"session_name,omitempty"`
	StartTime     *time.Time            `json:"start_time,omitempty"`
	EndTime       *time.Time            `json:"end_time,omitempty"`
	Picture       *string               `json:"picture,omitempty"`
	Participants  []*pointerParticipant `json:"participants,omitempty"`
	FeatureFlags  []string              `json:"feature_flags,omitempty"`
	CanceledTime  *time.Time            `json:"canceled_time,omitempty"`
	ActualEndTime *time.Time            `json:"actual_end_time,omitempty"`
}

type pointerParticipant struct {
	ParticipantID *string    `json:"participant_id,omitempty"`
	SessionID     *string    `json:"session_id,omitempty"`
	ClientID      *string    `json:"client_id,omitempty"`
	DisplayName   *string    `json:"display_name,omitempty"`
	Role          *string    `json:"role,omitempty"`
	Picture       *string    `json:"picture,omitempty"`
	State         *string    `json:"state,omitempty"`
	EntryURL      *string    `json:"entry_url,omitempty"`
	DeletedAt     *time.Time `json:"deleted_at,omitempty"`
	CoviuUserID   *string    `json:"coviu_user_id,omitempty"`
	UserHint      *string    `json:"user_hint,omitempty"`
	Phone         *string    `json:"phone,omitempty"`
	Fee           *string    `json:"fee,omitempty"`
}

type pointerPage struct {
	Content   []*pointerSession `json:"content,omitempty"`
	More      *bool             `json:"more,omitempty"`
	Page      *int              `json:"page,omitempty"`
	PageSize  *int              `json:"page_size,omitempty"`
	PageCount *int              `json:"page_count,omitempty"`
}

type listOptions struct {
	Page     int `url:"page"`
	PageSize int `url:"page_size,omitempty"`
}

func newGitHubStyle(baseURL string, hc *http.Client) (client, error) {
	base, err := url.Parse(baseURL + "/")
	if err != nil {
		return client{}, err
	}
	g := githubStyle{baseURL: base, http: hc}
	booking := newCreationRequest()
	return client{name: "go-github style", calls: map[string]call{
		opGet: func(ctx context.Context) (proof, error) {
			return g.session(ctx, http.MethodGet, "sessions/"+sessionID, nil)
		},
		opCreate: func(ctx context.Context) (proof, error) {
			return g.session(ctx, http.MethodPost, "sessions", booking)
		},
		opPage: g.page,
	}}, nil
}

func (g githubStyle) session(ctx context.Context, method, path string, body any) (proof, error) {
	request, err := g.newRequest(ctx, method, path, body)
	if err != nil {
		return proof{}, err
	}
	s := new(pointerSession)
	if err := g.do(request, s); err != nil {
		return proof{}, err
	}
	return proof{sessions: 1, entryURL: *s.Participants[len(s.Participants)-1].EntryURL}, nil
}

func (g githubStyle) page(ctx context.Context) (proof, error) {
	values, err := query.Values(listOptions{PageSize: pageSize})
	if err != nil {
		return proof{}, err
	}
	request, err := g.newRequest(ctx, http.MethodGet, "sessions?"+values.Encode(), nil)
	if err != nil {
		return proof{}, err
	}
	p := new(pointerPage)
	if err := g.do(request, p); err != nil {
		return proof{}, err
	}
	last := p.Content[len(p.Content)-1].Participants
	return proof{sessions: len(p.Content), entryURL: *last[len(last)-1].EntryURL}, nil
}

func (g githubStyle) newRequest(ctx context.Context, method, path string, body any) (*http.Request, error) {
	target, err := g.baseURL.Parse(path)
	if err != nil {
		return nil, err
	}
	var text io.ReadWriter
	if body != nil {
		text = new(bytes.Buffer)
		encoder := json.NewEncoder(text)
		encoder.SetEscapeHTML(false)
		if err := encoder.Encode(body); err != nil {
			return nil, err
		}
	}
	request, err := http.NewRequestWithContext(ctx, method, target.String(), text)
	if err != nil {
		return nil, err
	}
	if body != nil {
		request.Header.Set("Content-Type", "application/json")
	}
	request.Header.Set("Accept", "application/json")
	request.Header.Set("User-Agent", "bench")
	request.Header.Set("Authorization", "Bearer "+accessToken)
	return request, nil
}

func (g githubStyle) do(request *http.Request, model any) error {
	response, err := g.http.Do(request)
	if err != nil {
		return err
	}
	defer response.Body.Close()
	if response.StatusCode < 200 || response.StatusCode > 299 {
		return fmt.Errorf("status %s", response.Status)
	}
	if err := json.NewDecoder(response.Body).Decode(model); err != nil && !errors.Is(err, io.EOF) {
		return err
	}
	return nil
}
