package faulttest

import (
	"context"
	"net"
	"net/http"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/coviu/coviu-go-sdk"
	"github.com/coviu/coviu-go-sdk/internal/apitest"
)

func TestFault01_EmptyID(t *testing.T) {
	c := apitest.UnusedClient(t)
	named := 0
	for _, e := range apitest.Endpoints() {
		if e.IDField == "" {
			continue
		}
		named++
		t.Run(e.Operation, func(t *testing.T) {
			got, err := e.Call(t.Context(), c, "")
			require.Nil(t, got)
			apitest.RequireInvalid(t, err, e.IDField)
		})
	}
	require.Equal(t, 8, named)
}

func TestFault06_NothingToWorkWith(t *testing.T) {
	var none context.Context
	ended, end := context.WithCancel(t.Context())
	end()
	late, stop := context.WithDeadline(t.Context(), time.Unix(1, 0))
	defer stop()

	for name, ctx := range map[string]context.Context{"nil": none, "canceled": ended, "past its deadline": late} {
		t.Run(name+" context", func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				api := apitest.NewInMemoryServer(t, apitest.Reply(200, "{}"))
				c := api.Client(t)
				check := func(operation string, got any, err error) {
					t.Helper()
					require.Nil(t, got)
					require.NotErrorIs(t, err, coviu.ErrOutcomeUnknown, operation)
					if ctx == nil {
						apitest.RequireInvalid(t, err, "context")
						return
					}
					require.ErrorIs(t, err, ctx.Err(), operation)
					require.NotErrorIs(t, err, coviu.ErrInvalidRequest, operation)
				}
				for _, e := range apitest.Endpoints() {
					got, err := e.Call(ctx, c, "id")
					check(e.Operation, got, err)
					if ctx != nil {
						require.EqualError(t, err, "coviu: "+e.Operation+": "+ctx.Err().Error())
					}
				}
				for page, err := range c.Sessions.Pages(ctx, nil) {
					check("Pages", page, err)
				}
				for session, err := range c.Sessions.All(ctx, &coviu.SessionListOptions{Prefetch: 4}) {
					check("All", session, err)
				}
				booking := apitest.Booking()
				booking.Participants = []coviu.ParticipantCreationRequest{{}}
				session, err := c.Sessions.CreateOnce(ctx, "key", booking)
				check("CreateOnce", session, err)
				token, err := c.Exchange(ctx, "code")
				check("Exchange", token, err)
				token, err = c.Token(ctx)
				check("Token", token, err)
				synctest.Wait()
				require.Zero(t, api.Count(), "requests")
			})
		})
	}

	t.Run("nil request", func(t *testing.T) {
		c := apitest.UnusedClient(t)
		session, err := c.Sessions.Create(t.Context(), nil)
		require.Nil(t, session)
		apitest.RequireInvalid(t, err, "request")
		session, err = c.Sessions.Update(t.Context(), "id", nil)
		require.Nil(t, session)
		apitest.RequireInvalid(t, err, "request")
		session, err = c.Sessions.CreateOnce(t.Context(), "key", nil)
		require.Nil(t, session)
		apitest.RequireInvalid(t, err, "request")
		participant, err := c.Participants.Add(t.Context(), "id", nil)
		require.Nil(t, participant)
		apitest.RequireInvalid(t, err, "request")
		participant, err = c.Participants.Update(t.Context(), "id", nil)
		require.Nil(t, participant)
		apitest.RequireInvalid(t, err, "request")
	})

	t.Run("nil options are the defaults", func(t *testing.T) {
		synctest.Test(t, func(t *testing.T) {
			api := apitest.NewInMemoryServer(t, func(w http.ResponseWriter, r *http.Request) {
				reply := map[string]string{
					apitest.BasePath + "/sessions":                 "session_page_null_content.json",
					apitest.BasePath + "/sessions/id":              "session.json",
					apitest.BasePath + "/sessions/id/participants": "participants_array.json",
				}[r.URL.Path]
				apitest.Reply(200, apitest.Fixture(t, reply))(w, r)
			})
			c := api.Client(t)
			_, err := c.Sessions.Get(t.Context(), "id", nil)
			require.NoError(t, err)
			_, err = c.Sessions.List(t.Context(), nil)
			require.NoError(t, err)
			_, err = c.Participants.List(t.Context(), "id", nil)
			require.NoError(t, err)
			for range c.Sessions.Pages(t.Context(), nil) {
				t.Error("a page without sessions was yielded")
			}
			for range c.Sessions.All(t.Context(), nil) {
				t.Error("a session was yielded")
			}
			for _, r := range api.Calls()[:3] {
				require.NotContains(t, r.URI, "?")
			}
		})
	})
}

func TestFault08_ClientThatWasNeverMade(t *testing.T) {
	var none *coviu.Client
	halves := map[string]*coviu.Client{
		"zero client":   {},
		"zero services": {Sessions: &coviu.SessionService{}, Participants: &coviu.ParticipantService{}},
	}
	booking := apitest.Booking()
	booking.Participants = []coviu.ParticipantCreationRequest{{}}
	dated := &coviu.SessionListOptions{StartTime: booking.StartTime, EndTime: booking.EndTime, Prefetch: 2}
	for name, c := range halves {
		t.Run(name, func(t *testing.T) {
			for _, e := range apitest.Endpoints() {
				got, err := e.Call(t.Context(), c, "id")
				require.Nil(t, got)
				apitest.RequireInvalid(t, err, "client")
			}
			page, err := c.Sessions.List(t.Context(), dated)
			require.Nil(t, page)
			apitest.RequireInvalid(t, err, "client")
			session, err := c.Sessions.CreateOnce(t.Context(), "key", booking)
			require.Nil(t, session)
			apitest.RequireInvalid(t, err, "client")
			yielded := 0
			for page, err := range c.Sessions.Pages(t.Context(), dated) {
				require.Nil(t, page)
				apitest.RequireInvalid(t, err, "client")
				yielded++
			}
			for session, err := range c.Sessions.All(t.Context(), nil) {
				require.Nil(t, session)
				apitest.RequireInvalid(t, err, "client")
				yielded++
			}
			require.Equal(t, 2, yielded)
		})
	}
	for name, c := range map[string]*coviu.Client{"nil client": none, "zero client itself": {}} {
		t.Run(name, func(t *testing.T) {
			token, err := c.Exchange(t.Context(), "code")
			require.Nil(t, token)
			apitest.RequireInvalid(t, err, "client")
			token, err = c.Token(t.Context())
			require.Nil(t, token)
			apitest.RequireInvalid(t, err, "client")
			other, err := c.As(apitest.UserToken())
			require.Nil(t, other)
			apitest.RequireInvalid(t, err, "client")
			require.NotPanics(t, c.CloseIdleConnections)
		})
	}
}

func TestFault07_RequestChangedWhileARetryWaits(t *testing.T) {
	changes := map[string]func(ctx context.Context, c *coviu.Client, changed <-chan struct{}) error{
		"update a session": func(ctx context.Context, c *coviu.Client, asked <-chan struct{}) error {
			req := &coviu.SessionUpdateRequest{SessionName: new("before"), StartTime: new(time.Now())}
			go func() {
				<-asked
				*req.SessionName, *req.StartTime, req.Picture = "after", time.Time{}, new("after")
			}()
			return either(c.Sessions.Update(ctx, someSession, req))
		},
		"create a session": func(ctx context.Context, c *coviu.Client, asked <-chan struct{}) error {
			req := soon()
			req.Participants = []coviu.ParticipantCreationRequest{{DisplayName: "before"}}
			req.FeatureFlags = []string{"before"}
			go func() {
				<-asked
				req.SessionName, req.Participants[0].DisplayName, req.FeatureFlags[0] = "after", "after", "after"
			}()
			return either(c.Sessions.Create(ctx, req))
		},
	}
	for name, change := range changes {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				asked := make(chan struct{})
				peer := newScriptedPeer(func(conn net.Conn, _ *http.Request, n int) {
					if n == 3 {
						sendJSON(conn, someSessionJSON)
						return
					}
					if n == 1 {
						close(asked)
					}
					sendStatus(conn, http.StatusTooManyRequests, "Retry-After: 1")
				})
				require.NoError(t, change(t.Context(), peer.client(t), asked))
				require.Equal(t, 3, peer.count())
				require.NotEmpty(t, peer.bodies[0])
				require.NotContains(t, peer.bodies[0], "after")
				require.Equal(t, peer.bodies[0], peer.bodies[1])
				require.Equal(t, peer.bodies[0], peer.bodies[2])
			})
		})
	}
}
