package main

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"sync"
	"time"

	"golang.org/x/oauth2"
)

// floor is the simplest client: what a programmer writes to call one endpoint.
type floor struct {
	baseURL string
	http    *http.Client
}

func newFloor(name, baseURL string, hc *http.Client) client {
	f := floor{baseURL: baseURL, http: hc}
	return client{name: name, calls: map[string]call{
		opGet:    f.session(http.MethodGet, "/sessions/"+sessionID, nil),
		opCreate: f.session(http.MethodPost, "/sessions", newCreationRequest()),
		opPage: func(ctx context.Context) (proof, error) {
			page, err := fetch[sessionPage](ctx, f, http.MethodGet, "/sessions?page=0&page_size=200", nil)
			if err != nil {
				return proof{}, err
			}
			return page.proof(), nil
		},
		opUpdate:            f.session(http.MethodPut, "/sessions/"+sessionID, updateRequest{SessionName: new(bookedName)}),
		opDelete:            f.unit("/sessions/" + sessionID),
		opAddParticipant:    f.participant(http.MethodPost, "/sessions/"+sessionID+"/participants", newParticipantRequest()),
		opListParticipants:  f.participants("/sessions/" + sessionID + "/participants"),
		opGetParticipant:    f.participant(http.MethodGet, "/participants/"+participantID, nil),
		opUpdateParticipant: f.participant(http.MethodPut, "/participants/"+participantID, participantRequest{State: bookedState}),
		opDeleteParticipant: f.unit("/participants/" + participantID),
	}}
}

func (f floor) session(method, path string, body any) call {
	return func(ctx context.Context) (proof, error) {
		s, err := fetch[session](ctx, f, method, path, body)
		if err != nil {
			return proof{}, err
		}
		return s.proof(), nil
	}
}

func (f floor) participant(method, path string, body any) call {
	return func(ctx context.Context) (proof, error) {
		p, err := fetch[participant](ctx, f, method, path, body)
		if err != nil {
			return proof{}, err
		}
		return proof{entryURL: p.EntryURL}, nil
	}
}

func (f floor) participants(path string) call {
	return func(ctx context.Context) (proof, error) {
		list, err := fetch[[]participant](ctx, f, http.MethodGet, path, nil)
		if err != nil {
			return proof{}, err
		}
		return proof{entryURL: (*list)[len(*list)-1].EntryURL}, nil
	}
}

func (f floor) unit(path string) call {
	return func(ctx context.Context) (proof, error) {
		_, err := fetch[unitResponse](ctx, f, http.MethodDelete, path, nil)
		return proof{}, err
	}
}

func fetch[T any](ctx context.Context, f floor, method, path string, body any) (*T, error) {
	response, err := f.send(ctx, method, path, body)
	if err != nil {
		return nil, err
	}
	defer response.Body.Close()
	text, err := io.ReadAll(response.Body)
	if err != nil {
		return nil, err
	}
	if response.StatusCode >= http.StatusMultipleChoices {
		return nil, fmt.Errorf("status %s", response.Status)
	}
	model := new(T)
	if err := json.Unmarshal(text, model); err != nil {
		return nil, err
	}
	return model, nil
}

func (f floor) send(ctx context.Context, method, path string, body any) (*http.Response, error) {
	var reader io.Reader
	if body != nil {
		text, err := json.Marshal(body)
		if err != nil {
			return nil, err
		}
		reader = bytes.NewReader(text)
	}
	request, err := http.NewRequestWithContext(ctx, method, f.baseURL+path, reader)
	if err != nil {
		return nil, err
	}
	request.Header.Set("Authorization", "Bearer "+accessToken)
	request.Header.Set("Accept", "application/json")
	if body != nil {
		request.Header.Set("Content-Type", "application/json")
	}
	return f.http.Do(request)
}

// oauth2Client puts the x/oauth2 transport in front of the client's own.
func oauth2Client(hc *http.Client) *http.Client {
	token := &oauth2.Token{AccessToken: accessToken, Expiry: time.Now().Add(time.Hour)}
	return &http.Client{Transport: &oauth2.Transport{
		Base:   hc.Transport,
		Source: oauth2.ReuseTokenSource(token, nil),
	}}
}

const limitName = "limit (no decoding)"

// newLimit is the floor without decoding and with reused buffers. No client
// over net/http can be faster.
func newLimit(baseURL string, hc *http.Client) client {
	f := floor{baseURL: baseURL, http: hc}
	var buffers sync.Pool
	read := func(method, path string, body any) call {
		return func(ctx context.Context) (proof, error) {
			response, err := f.send(ctx, method, path, body)
			if err != nil {
				return proof{}, err
			}
			defer response.Body.Close()
			buffer, ok := buffers.Get().(*bytes.Buffer)
			if !ok {
				buffer = new(bytes.Buffer)
			}
			defer buffers.Put(buffer)
			buffer.Reset()
			_, err = buffer.ReadFrom(response.Body)
			return proof{sessions: buffer.Len() / sessionLength}, err
		}
	}
	return client{name: limitName, calls: map[string]call{
		opGet:    read(http.MethodGet, "/sessions/"+sessionID, nil),
		opCreate: read(http.MethodPost, "/sessions", newCreationRequest()),
		opPage:   read(http.MethodGet, "/sessions?page=0&page_size=200", nil),
	}}
}
