package endpointtest

import (
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"golang.org/x/oauth2"

	"github.com/coviu/coviu-go-sdk"
	"github.com/coviu/coviu-go-sdk/coviutest"
	"github.com/coviu/coviu-go-sdk/internal/apitest"
)

// newBooking returns a booking for tomorrow, at a whole second, which both date formats
// can express.
func newBooking(s *coviutest.Server) *coviu.SessionCreationRequest {
	start := s.Now().UTC().Add(24 * time.Hour).Truncate(time.Second)
	return &coviu.SessionCreationRequest{
		SessionName: "Zoë & Dr. Ümit", StartTime: start, EndTime: start.Add(25 * time.Minute),
		Picture: "https://static.example.com/1.png",
		Participants: []coviu.ParticipantCreationRequest{
			{DisplayName: "Dr. Ümit", Role: coviu.RoleHost, State: "booking-1", Picture: "https://static.example.com/2.png", Phone: "+61 2 5550 0100"},
			{DisplayName: "Zoë", Role: "guest"},
		},
		FeatureFlags: []string{"-plugin;whiteboard", "customisation;disable-menu"},
	}
}

// each runs test with a server that has one booked session, once for each date
// format that a client may send. The server's clock stands still, so that a slow
// machine changes no result.
func each(t *testing.T, test func(*testing.T, *coviutest.Server, *coviu.Client, *coviu.Session)) {
	t.Helper()
	for name, opts := range map[string][]coviu.Option{"RFC 3339": nil, "RFC 1123": {coviu.WithRFC1123Dates()}} {
		t.Run(name, func(t *testing.T) {
			now := time.Now()
			server := coviutest.NewServer(coviutest.WithClock(func() time.Time { return now }))
			defer server.Close()
			c := server.Client(t, opts...)
			booked, err := c.Sessions.Create(t.Context(), newBooking(server))
			require.NoError(t, err)
			test(t, server, c, booked)
		})
	}
}

func requireRefusal(t *testing.T, err error, operation string, status int, kind string) {
	t.Helper()
	var refused *coviu.APIError
	require.ErrorAs(t, err, &refused)
	require.Equal(t, operation, refused.Operation)
	require.Equal(t, status, refused.StatusCode)
	require.NotEmpty(t, refused.Message)
	apitest.RequireKinds(t, err, kind)
}

func TestABookedSessionCanBeRead(t *testing.T) {
	each(t, func(t *testing.T, server *coviutest.Server, c *coviu.Client, booked *coviu.Session) {
		asked := newBooking(server)
		require.NotEmpty(t, booked.SessionID)
		require.Equal(t, asked.SessionName, booked.SessionName)
		require.Equal(t, asked.StartTime, booked.StartTime)
		require.Equal(t, 25*time.Minute, booked.EndTime.Sub(booked.StartTime))
		require.Equal(t, asked.Picture, booked.Picture)
		require.Equal(t, asked.FeatureFlags, booked.FeatureFlags)
		require.Nil(t, booked.CanceledTime)
		require.Len(t, booked.Participants, 2)
		host, guest := booked.Participants[0], booked.Participants[1]
		require.Equal(t, coviu.RoleHost, host.Role)
		require.Equal(t, "Dr. Ümit", host.DisplayName)
		require.Equal(t, "booking-1", host.State)
		require.Equal(t, "https://static.example.com/2.png", host.Picture)
		require.Equal(t, "+61 2 5550 0100", host.Phone)
		require.Equal(t, coviu.RoleGuest, guest.Role, "roles are read in any case")
		require.NotEmpty(t, guest.State, "the service makes one up")
		for _, p := range booked.Participants {
			require.Equal(t, booked.SessionID, p.SessionID)
			require.NotEmpty(t, p.EntryURL)
		}
		got, err := c.Sessions.Get(t.Context(), booked.SessionID, nil)
		require.NoError(t, err)
		require.Equal(t, booked, got)
		kept, ok := server.Session(booked.SessionID)
		require.True(t, ok)
		require.Equal(t, kept.SessionID, got.SessionID)
	})
}

func TestTheServiceRefusesAnInvalidBooking(t *testing.T) {
	each(t, func(t *testing.T, server *coviutest.Server, c *coviu.Client, _ *coviu.Session) {
		late := newBooking(server)
		late.StartTime = late.StartTime.Add(-48 * time.Hour)
		session, err := c.Sessions.Create(t.Context(), late)
		require.Nil(t, session)
		requireRefusal(t, err, "POST /sessions", 400, "ErrBadRequest")
		odd := newBooking(server)
		odd.Participants[0].Role = "janitor"
		_, err = c.Sessions.Create(t.Context(), odd)
		requireRefusal(t, err, "POST /sessions", 400, "ErrBadRequest")
		require.Len(t, server.Sessions(), 1)
	})
}

func TestASessionCanBeMovedAndRenamed(t *testing.T) {
	each(t, func(t *testing.T, server *coviutest.Server, c *coviu.Client, booked *coviu.Session) {
		later := booked.StartTime.Add(time.Hour)
		moved, err := c.Sessions.Update(t.Context(), booked.SessionID, &coviu.SessionUpdateRequest{
			StartTime: &later, EndTime: new(later.Add(time.Hour)), SessionName: new(""),
		})
		require.NoError(t, err)
		require.True(t, moved.StartTime.Equal(later))
		require.True(t, moved.EndTime.Equal(later.Add(time.Hour)))
		require.Empty(t, moved.SessionName)
		require.Equal(t, booked.Picture, moved.Picture, "what is left out stays")
		require.Equal(t, booked.Participants, moved.Participants)
		again, err := c.Sessions.Get(t.Context(), booked.SessionID, nil)
		require.NoError(t, err)
		require.Equal(t, moved, again)

		_, err = c.Sessions.Update(t.Context(), booked.SessionID, &coviu.SessionUpdateRequest{EndTime: new(booked.StartTime)})
		requireRefusal(t, err, "PUT /sessions/{session_id}", 400, "ErrBadRequest")
		server.Advance(72 * time.Hour)
		_, err = c.Sessions.Update(t.Context(), booked.SessionID, &coviu.SessionUpdateRequest{SessionName: new("too late")})
		requireRefusal(t, err, "PUT /sessions/{session_id}", 400, "ErrBadRequest")
	})
}

func TestACanceledSessionIsHidden(t *testing.T) {
	each(t, func(t *testing.T, server *coviutest.Server, c *coviu.Client, booked *coviu.Session) {
		done, err := c.Sessions.Delete(t.Context(), booked.SessionID)
		require.NoError(t, err)
		require.Equal(t, &coviu.UnitResponse{OK: true}, done)

		_, err = c.Sessions.Get(t.Context(), booked.SessionID, nil)
		requireRefusal(t, err, "GET /sessions/{session_id}", 401, "ErrUnauthorized")
		_, err = c.Participants.Get(t.Context(), booked.Participants[0].ParticipantID)
		requireRefusal(t, err, "GET /participants/{participant_id}", 401, "ErrUnauthorized")
		_, err = c.Sessions.Delete(t.Context(), booked.SessionID)
		requireRefusal(t, err, "DELETE /sessions/{session_id}", 401, "ErrUnauthorized")

		page, err := c.Sessions.List(t.Context(), nil)
		require.NoError(t, err)
		require.Empty(t, page.Content)
		page, err = c.Sessions.List(t.Context(), &coviu.SessionListOptions{IncludeCanceled: true})
		require.NoError(t, err)
		require.Len(t, page.Content, 1)
		require.NotNil(t, page.Content[0].CanceledTime)
		require.WithinDuration(t, server.Now(), *page.Content[0].CanceledTime, time.Second)
	})
}

func TestASessionThatHasStartedCantBeCanceled(t *testing.T) {
	each(t, func(t *testing.T, server *coviutest.Server, c *coviu.Client, booked *coviu.Session) {
		server.Advance(24*time.Hour + time.Minute)
		done, err := c.Sessions.Delete(t.Context(), booked.SessionID)
		require.Nil(t, done)
		requireRefusal(t, err, "DELETE /sessions/{session_id}", 403, "ErrForbidden")
	})
}

func TestAnUnknownIDIsNotFound(t *testing.T) {
	server := coviutest.NewServer()
	defer server.Close()
	c := server.Client(t)
	for _, e := range apitest.Endpoints() {
		if e.IDField == "" {
			continue
		}
		got, err := e.Call(t.Context(), c, "nobody-knows-it")
		require.Nil(t, got)
		requireRefusal(t, err, e.Operation, 404, "ErrNotFound")
		require.Equal(t, 1, server.Count(e.Operation))
	}
}

func TestAListIsFilteredAndOrdered(t *testing.T) {
	each(t, func(t *testing.T, server *coviutest.Server, c *coviu.Client, first *coviu.Session) {
		// This one is booked later and starts earlier.
		early := newBooking(server)
		early.StartTime, early.EndTime = early.StartTime.Add(-3*time.Hour), early.EndTime.Add(-3*time.Hour)
		early.Participants = []coviu.ParticipantCreationRequest{{State: "booking 2/&"}}
		second, err := c.Sessions.Create(t.Context(), early)
		require.NoError(t, err)

		for name, want := range map[string]struct {
			opts coviu.SessionListOptions
			ids  []string
		}{
			"by creation":         {coviu.SessionListOptions{}, []string{first.SessionID, second.SessionID}},
			"forward":             {coviu.SessionListOptions{Order: coviu.OrderForward}, []string{first.SessionID, second.SessionID}},
			"reverse":             {coviu.SessionListOptions{Order: coviu.OrderReverse}, []string{second.SessionID, first.SessionID}},
			"from":                {coviu.SessionListOptions{StartTime: second.StartTime}, []string{second.SessionID, first.SessionID}},
			"from later":          {coviu.SessionListOptions{StartTime: second.StartTime.Add(time.Second)}, []string{first.SessionID}},
			"until":               {coviu.SessionListOptions{EndTime: second.StartTime}, []string{second.SessionID}},
			"from until reverse":  {coviu.SessionListOptions{StartTime: second.StartTime, EndTime: first.StartTime, Order: coviu.OrderReverse}, []string{first.SessionID, second.SessionID}},
			"state":               {coviu.SessionListOptions{State: "booking 2/&"}, []string{second.SessionID}},
			"state of nobody":     {coviu.SessionListOptions{State: "booking"}, nil},
			"first page":          {coviu.SessionListOptions{PageSize: 1}, []string{first.SessionID}},
			"second page":         {coviu.SessionListOptions{PageSize: 1, Page: 1}, []string{second.SessionID}},
			"page behind the end": {coviu.SessionListOptions{PageSize: 1, Page: 2}, nil},
		} {
			page, err := c.Sessions.List(t.Context(), &want.opts)
			require.NoError(t, err, name)
			var ids []string
			for _, s := range page.Content {
				ids = append(ids, s.SessionID)
			}
			require.Equal(t, want.ids, ids, name)
			require.Equal(t, name == "first page", page.More, name)
		}
		_, err = c.Sessions.List(t.Context(), &coviu.SessionListOptions{Order: "sideways"})
		requireRefusal(t, err, "GET /sessions", 400, "ErrBadRequest")
	})
}

func TestParticipantsCanBeAddedChangedAndDeleted(t *testing.T) {
	for name, opt := range map[string]coviutest.Option{
		"as an array": coviutest.WithDates(coviutest.DatesEcho), "as a page": coviutest.WithParticipantPages(),
	} {
		t.Run(name, func(t *testing.T) {
			server := coviutest.NewServer(opt)
			defer server.Close()
			c := server.Client(t)
			booked, err := c.Sessions.Create(t.Context(), newBooking(server))
			require.NoError(t, err)

			added, err := c.Participants.Add(t.Context(), booked.SessionID, &coviu.ParticipantCreationRequest{
				DisplayName: "Interpreter", Role: coviu.RoleGuest, State: "third", Picture: "https://static.example.com/3.png", Phone: "1",
			})
			require.NoError(t, err)
			require.Equal(t, booked.SessionID, added.SessionID)
			require.Equal(t, "third", added.State)
			got, err := c.Participants.Get(t.Context(), added.ParticipantID)
			require.NoError(t, err)
			require.Equal(t, added, got)

			changed, err := c.Participants.Update(t.Context(), added.ParticipantID, &coviu.ParticipantUpdateRequest{
				DisplayName: new("Interpreter (German)"), Role: new(coviu.Role("host")), State: new("fourth"), Picture: new(""),
			})
			require.NoError(t, err)
			require.Equal(t, "Interpreter (German)", changed.DisplayName)
			require.Equal(t, coviu.RoleHost, changed.Role)
			require.Equal(t, "fourth", changed.State)
			require.Empty(t, changed.Picture)
			require.Equal(t, added.EntryURL, changed.EntryURL)
			_, err = c.Participants.Update(t.Context(), added.ParticipantID, &coviu.ParticipantUpdateRequest{Role: new(coviu.Role("janitor"))})
			requireRefusal(t, err, "PUT /participants/{participant_id}", 400, "ErrBadRequest")

			page, err := c.Participants.List(t.Context(), booked.SessionID, nil)
			require.NoError(t, err)
			require.Len(t, page.Content, 3)
			require.Equal(t, *changed, page.Content[2])
			require.False(t, page.More)

			done, err := c.Participants.Delete(t.Context(), added.ParticipantID)
			require.NoError(t, err)
			require.Equal(t, &coviu.UnitResponse{OK: true}, done)
			_, err = c.Participants.Get(t.Context(), added.ParticipantID)
			requireRefusal(t, err, "GET /participants/{participant_id}", 404, "ErrNotFound")
			_, err = c.Participants.Delete(t.Context(), added.ParticipantID)
			requireRefusal(t, err, "DELETE /participants/{participant_id}", 404, "ErrNotFound")

			page, err = c.Participants.List(t.Context(), booked.SessionID, nil)
			require.NoError(t, err)
			require.Len(t, page.Content, 2)
			page, err = c.Participants.List(t.Context(), booked.SessionID, &coviu.ParticipantListOptions{DeletedParticipants: true})
			require.NoError(t, err)
			require.Len(t, page.Content, 3)
			require.NotNil(t, page.Content[2].DeletedAt)
			without, err := c.Sessions.Get(t.Context(), booked.SessionID, nil)
			require.NoError(t, err)
			require.Len(t, without.Participants, 2)
			with, err := c.Sessions.Get(t.Context(), booked.SessionID, &coviu.SessionGetOptions{DeletedParticipants: true})
			require.NoError(t, err)
			require.Len(t, with.Participants, 3)
			listed, err := c.Sessions.List(t.Context(), &coviu.SessionListOptions{DeletedParticipants: true})
			require.NoError(t, err)
			require.Equal(t, *with, listed.Content[0])
		})
	}
}

func TestParticipantsOfARunningAndOfAFinishedSession(t *testing.T) {
	each(t, func(t *testing.T, server *coviutest.Server, c *coviu.Client, booked *coviu.Session) {
		// A running session still accepts participants.
		server.Advance(24*time.Hour + time.Minute)
		late, err := c.Participants.Add(t.Context(), booked.SessionID, &coviu.ParticipantCreationRequest{DisplayName: "late"})
		require.NoError(t, err)
		require.Equal(t, coviu.RoleGuest, late.Role)

		server.Advance(time.Hour)
		_, err = c.Participants.Add(t.Context(), booked.SessionID, &coviu.ParticipantCreationRequest{})
		requireRefusal(t, err, "POST /sessions/{session_id}/participants", 400, "ErrBadRequest")
		_, err = c.Participants.Delete(t.Context(), late.ParticipantID)
		requireRefusal(t, err, "DELETE /participants/{participant_id}", 403, "ErrForbidden")
	})
}

func TestAUserCallsWithTheirOwnToken(t *testing.T) {
	server := coviutest.NewServer()
	defer server.Close()
	c := server.Client(t)
	user := server.AddUser(coviutest.User{Username: "zoe", Password: "p"})
	token, err := c.Exchange(t.Context(), server.AuthorizationCode(user.UserID))
	require.NoError(t, err)
	require.NotEmpty(t, token.RefreshToken)
	asUser, err := c.As(token)
	require.NoError(t, err)
	booked, err := asUser.Sessions.Create(t.Context(), newBooking(server))
	require.NoError(t, err)
	_, err = asUser.Sessions.Get(t.Context(), booked.SessionID, nil)
	require.NoError(t, err)
	require.Zero(t, server.CountGrants("client_credentials"))
	require.Equal(t, 1, server.CountGrants("authorization_code"))

	code := server.AuthorizationCode(user.UserID)
	_, err = c.Exchange(t.Context(), code)
	require.NoError(t, err)
	_, err = c.Exchange(t.Context(), code)
	apitest.RequireKinds(t, err, "ErrAuthentication", "ErrReauthorize")

	server.RevokeTokens()
	_, err = asUser.Sessions.List(t.Context(), nil)
	require.NoError(t, err)
	require.Equal(t, 1, server.CountGrants("refresh_token"))
	require.Zero(t, server.CountGrants("client_credentials"))
	server.RevokeTokens()
	server.RevokeRefreshTokens()
	_, err = asUser.Sessions.List(t.Context(), nil)
	require.ErrorIs(t, err, coviu.ErrReauthorize)
}

func TestWrongCredentialsAreRefused(t *testing.T) {
	server := coviutest.NewServer()
	defer server.Close()
	c := server.ClientFor(t, coviutest.Credentials{APIKey: server.APIKey, KeySecret: "wrong"})
	for _, e := range apitest.Endpoints() {
		got, err := e.Call(t.Context(), c, "id")
		require.Nil(t, got)
		var refused *coviu.TokenError
		require.ErrorAs(t, err, &refused)
		require.Equal(t, 401, refused.StatusCode)
		apitest.RequireKinds(t, err, "ErrAuthentication")
		require.Zero(t, server.Count(e.Operation))
	}
	stale := server.Client(t, coviu.WithToken(&oauth2.Token{AccessToken: "made-up"}))
	_, err := stale.Sessions.List(t.Context(), nil)
	require.ErrorIs(t, err, coviu.ErrUnauthorized)
}
