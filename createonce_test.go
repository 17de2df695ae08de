package coviu_test

import (
	"context"
	"errors"
	"math/rand/v2"
	"net/http"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/coviu/coviu-go-sdk"
	"github.com/coviu/coviu-go-sdk/coviutest"
)

// A sample of the schedules; all of them run under the tag exhaustive.
func TestFault60_Schedules(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		random := rand.New(rand.NewPCG(60, 1))
		table := newOnceTable()
		for range 300 {
			table.add(t, randomOnceSchedule(random))
		}
		t.Logf("%v", table)
		require.Zero(t, table.doubles["CreateOnce"][nothingLate]+table.doubles["CreateOnce"][nothingLateForTwo])
		require.Positive(t, table.doubles["blind retry"][nothingLate], "a model that books nothing twice proves nothing")
	})
}

// randomOnceSchedule draws a schedule; in half of them nothing is late.
func randomOnceSchedule(random *rand.Rand) onceSchedule {
	outcomes, lags := len(postOutcomes), len(onceLags)
	if random.IntN(2) == 0 {
		outcomes, lags = 4, 1
	}
	s := onceSchedule{
		lag:     onceLags[random.IntN(lags)],
		callers: callers(random.IntN(int(callersKinds))),
		crash:   onceCrashes[random.IntN(len(onceCrashes))],
		again:   onceAgains[random.IntN(len(onceAgains))],
	}
	if s.callers != oneCaller {
		s.offset = onceOffsets[random.IntN(len(onceOffsets))]
	}
	for i := range s.posts {
		s.posts[i] = random.IntN(outcomes)
	}
	return s
}

// onceServer runs test in a bubble with a server in it.
func onceServer(t *testing.T, test func(*testing.T, *coviutest.Server, *coviu.Client)) {
	t.Helper()
	synctest.Test(t, func(t *testing.T) {
		s := coviutest.NewServer(coviutest.WithInMemory())
		t.Cleanup(s.Close)
		test(t, s, s.Client(t))
	})
}

// appointment is a booking tomorrow at nine, with a host and a guest.
func appointment(s *coviutest.Server) *coviu.SessionCreationRequest {
	start := s.Now().Add(24 * time.Hour).Truncate(time.Hour)
	return &coviu.SessionCreationRequest{
		SessionName: "Consultation",
		StartTime:   start, EndTime: start.Add(30 * time.Minute),
		Participants: []coviu.ParticipantCreationRequest{
			{DisplayName: "Dr. Who", Role: coviu.RoleHost, State: "doctor"},
			{DisplayName: "Patient", Role: coviu.RoleGuest},
		},
	}
}

const (
	opBook = "POST /sessions"
	opLook = "GET /sessions"
)

func TestFault60_ReplyLost(t *testing.T) {
	faults := map[string]coviutest.Fault{
		"reply lost":           coviutest.LoseReply(),
		"reply cut":            coviutest.CutBody(20),
		"reply stalls":         coviutest.StallBody(20),
		"carried out, 503":     coviutest.Unavailable().CarriedOut(),
		"carried out late":     coviutest.CarryOutLate(7 * time.Second),
		"carried out at 29 s":  coviutest.CarryOutLate(25 * time.Second),
		"carried out, no JSON": coviutest.HTMLPage(http.StatusOK).CarriedOut(),
	}
	for name, fault := range faults {
		t.Run(name, func(t *testing.T) {
			onceServer(t, func(t *testing.T, s *coviutest.Server, client *coviu.Client) {
				s.Fail(opBook, fault)
				session, err := client.Sessions.CreateOnce(t.Context(), onceKey, appointment(s))
				require.NoError(t, err)
				require.Len(t, s.Sessions(), 1)
				assert.Equal(t, s.Sessions()[0].SessionID, session.SessionID)
				assert.Equal(t, 1, s.Count(opBook))
			})
		})
	}
}

func TestFault60_NeverCarriedOut(t *testing.T) {
	onceServer(t, func(t *testing.T, s *coviutest.Server, client *coviu.Client) {
		s.Fail(opBook, coviutest.Reset())
		_, err := client.Token(t.Context())
		require.NoError(t, err)
		began := time.Now()
		_, err = client.Sessions.CreateOnce(t.Context(), onceKey, appointment(s))
		require.ErrorIs(t, err, coviu.ErrOutcomeUnknown)
		require.ErrorAs(t, err, new(*coviu.OutcomeUnknownError))
		assert.Equal(t, 30*time.Second, time.Since(began))
		assert.Equal(t, 1, s.Count(opBook), "never a blind second POST")
		assert.LessOrEqual(t, s.Count(opLook), 15, "with growing pauses")
		assert.Empty(t, s.Sessions())

		session, err := client.Sessions.CreateOnce(t.Context(), onceKey, appointment(s))
		require.NoError(t, err, "the next call finishes the job")
		require.Len(t, s.Sessions(), 1)
		assert.Equal(t, s.Sessions()[0].SessionID, session.SessionID)
	})
}

func TestFault60_LooksFailMeanwhile(t *testing.T) {
	onceServer(t, func(t *testing.T, s *coviutest.Server, client *coviu.Client) {
		s.Fail(opBook, coviutest.LoseReply())
		s.Fail(opLook, coviutest.Unavailable().After(1).Times(9))
		session, err := client.Sessions.CreateOnce(t.Context(), onceKey, appointment(s))
		require.NoError(t, err)
		assert.Equal(t, s.Sessions()[0].SessionID, session.SessionID)
		assert.Equal(t, 1, s.Count(opBook))
	})
}

func TestFault60_FirstLookFails(t *testing.T) {
	onceServer(t, func(t *testing.T, s *coviutest.Server, client *coviu.Client) {
		s.Fail(opLook, coviutest.Unavailable().Always())
		_, err := client.Sessions.CreateOnce(t.Context(), onceKey, appointment(s))
		require.ErrorIs(t, err, coviu.ErrServer)
		require.NotErrorIs(t, err, coviu.ErrOutcomeUnknown)
		assert.Zero(t, s.Count(opBook), "who can't look must not book")
	})
}

func TestFault60_CallerGivesUp(t *testing.T) {
	onceServer(t, func(t *testing.T, s *coviutest.Server, client *coviu.Client) {
		_, err := client.Token(t.Context())
		require.NoError(t, err)
		s.Fail(opBook, coviutest.Reset())
		ctx, cancel := context.WithTimeout(t.Context(), 2*time.Second)
		defer cancel()
		began := time.Now()
		_, err = client.Sessions.CreateOnce(ctx, onceKey, appointment(s))
		require.ErrorIs(t, err, coviu.ErrOutcomeUnknown)
		require.ErrorIs(t, err, context.DeadlineExceeded)
		assert.Equal(t, 2*time.Second, time.Since(began))
		looks := s.Count(opLook)
		<-time.After(time.Hour)
		assert.Equal(t, looks, s.Count(opLook))
	})
}

func TestFault60_DefiniteRefusal(t *testing.T) {
	onceServer(t, func(t *testing.T, s *coviutest.Server, client *coviu.Client) {
		s.Fail(opBook, coviutest.Status(http.StatusBadRequest, nil, `{"error":{"code":400,"message":"no"}}`))
		_, err := client.Sessions.CreateOnce(t.Context(), onceKey, appointment(s))
		require.ErrorIs(t, err, coviu.ErrBadRequest)
		assert.Equal(t, 1, s.Count(opLook), "nothing to look for")
	})
}

func TestFault60_TwoCallersOneClient(t *testing.T) {
	for name, fault := range map[string]coviutest.Fault{
		"slow":       coviutest.Delay(5 * time.Second),
		"reply lost": coviutest.LoseReply(),
		"late":       coviutest.CarryOutLate(20 * time.Second),
	} {
		t.Run(name, func(t *testing.T) {
			onceServer(t, func(t *testing.T, s *coviutest.Server, client *coviu.Client) {
				s.Fail(opBook, fault)
				var mu sync.Mutex
				found := map[string]int{}
				var callers sync.WaitGroup
				for range 10 {
					callers.Go(func() {
						session, err := client.Sessions.CreateOnce(t.Context(), onceKey, appointment(s))
						if assert.NoError(t, err) {
							mu.Lock()
							defer mu.Unlock()
							found[session.SessionID]++
						}
					})
				}
				callers.Wait()
				require.Len(t, s.Sessions(), 1)
				assert.Equal(t, map[string]int{s.Sessions()[0].SessionID: 10}, found)
				assert.Equal(t, 1, s.Count(opBook))
			})
		})
	}
}

// Callers with other keys do not wait, and whoever waits may give up.
func TestFault60_OnlyOneKeyWaits(t *testing.T) {
	onceServer(t, func(t *testing.T, s *coviutest.Server, client *coviu.Client) {
		_, err := client.Token(t.Context())
		require.NoError(t, err)
		s.Fail(opBook, coviutest.Delay(10*time.Second))
		var first sync.WaitGroup
		first.Go(func() {
			_, err := client.Sessions.CreateOnce(t.Context(), onceKey, appointment(s))
			assert.NoError(t, err)
		})
		synctest.Wait()
		began := time.Now()
		_, err = client.Sessions.CreateOnce(t.Context(), "another", appointment(s))
		require.NoError(t, err)
		assert.Zero(t, time.Since(began))
		ctx, cancel := context.WithTimeout(t.Context(), time.Second)
		defer cancel()
		_, err = client.Sessions.CreateOnce(ctx, onceKey, appointment(s))
		require.ErrorIs(t, err, context.DeadlineExceeded)
		require.NotErrorIs(t, err, coviu.ErrOutcomeUnknown, "nothing was sent")
		assert.Equal(t, time.Second, time.Since(began))
		first.Wait()
		assert.Equal(t, 2, s.Count(opBook))
	})
}

// The documented hole: it is carried out after the last look, and somebody called
// again meanwhile. The next call says so and hands the sessions over.
func TestFault60_CarriedOutAfterTheLastLook(t *testing.T) {
	onceServer(t, func(t *testing.T, s *coviutest.Server, client *coviu.Client) {
		s.Fail(opBook, coviutest.CarryOutLate(time.Minute))
		_, err := client.Sessions.CreateOnce(t.Context(), onceKey, appointment(s))
		require.ErrorIs(t, err, coviu.ErrOutcomeUnknown)
		_, err = client.Sessions.CreateOnce(t.Context(), onceKey, appointment(s))
		require.NoError(t, err)
		<-time.After(time.Minute)
		require.Len(t, s.Sessions(), 2)

		_, err = client.Sessions.CreateOnce(t.Context(), onceKey, appointment(s))
		require.ErrorIs(t, err, coviu.ErrDuplicate)
		var taken *coviu.KeyError
		require.ErrorAs(t, err, &taken)
		assert.ElementsMatch(t, sessionIDs(s.Sessions()), sessionIDs(taken.Sessions))
		for _, double := range taken.Sessions[1:] {
			_, err := client.Sessions.Delete(t.Context(), double.SessionID)
			require.NoError(t, err)
		}
		session, err := client.Sessions.CreateOnce(t.Context(), onceKey, appointment(s))
		require.NoError(t, err)
		assert.Equal(t, taken.Sessions[0].SessionID, session.SessionID)
		assert.Equal(t, 2, s.Count(opBook))
	})
}

func sessionIDs(sessions []coviu.Session) []string {
	ids := make([]string, len(sessions))
	for i := range sessions {
		ids[i] = sessions[i].SessionID
	}
	return ids
}

func TestFault61_CrashAfterPost(t *testing.T) {
	for name, fault := range map[string]coviutest.Fault{
		"while it waits for the reply":      coviutest.StallBody(0),
		"while it looks":                    coviutest.LoseReply(),
		"with the reply half read":          coviutest.StallBody(30),
		"before it was carried out by then": coviutest.CarryOutLate(2 * time.Second),
	} {
		t.Run(name, func(t *testing.T) {
			onceServer(t, func(t *testing.T, s *coviutest.Server, _ *coviu.Client) {
				s.Fail(opBook, fault)
				ctx, crash := context.WithCancel(t.Context())
				time.AfterFunc(100*time.Millisecond, crash)
				_, err := s.Client(t).Sessions.CreateOnce(ctx, onceKey, appointment(s))
				require.ErrorIs(t, err, context.Canceled)
				require.ErrorIs(t, err, coviu.ErrOutcomeUnknown)
				<-time.After(3 * time.Second)

				s.ClearRequests()
				session, err := s.Client(t).Sessions.CreateOnce(t.Context(), onceKey, appointment(s))
				require.NoError(t, err)
				require.Len(t, s.Sessions(), 1)
				assert.Equal(t, s.Sessions()[0].SessionID, session.SessionID)
				assert.Zero(t, s.Count(opBook))
			})
		})
	}
}

func TestFault62_KeyTaken(t *testing.T) {
	type taken struct {
		before  func(*testing.T, *coviutest.Server, *coviu.Client, *coviu.Session)
		again   func(*coviu.SessionCreationRequest)
		want    error // nil where the session is adopted
		holding int   // sessions in the error
	}
	nothing := func(*coviu.SessionCreationRequest) {}
	untouched := func(*testing.T, *coviutest.Server, *coviu.Client, *coviu.Session) {}
	cases := map[string]taken{
		"the same": {untouched, nothing, nil, 0},
		"less than a millisecond later": {untouched, func(r *coviu.SessionCreationRequest) {
			r.StartTime = r.StartTime.Add(999 * time.Microsecond)
		}, nil, 0},
		"another name": {untouched, func(r *coviu.SessionCreationRequest) { r.SessionName = "Another" }, nil, 0},
		"roles in another case": {untouched, func(r *coviu.SessionCreationRequest) {
			r.Participants[0].Role = "host"
		}, nil, 0},
		"people in another order": {untouched, func(r *coviu.SessionCreationRequest) {
			r.Participants[0], r.Participants[1] = r.Participants[1], r.Participants[0]
		}, nil, 0},
		"fewer people":    {untouched, func(r *coviu.SessionCreationRequest) { r.Participants = r.Participants[1:] }, nil, 0},
		"a name not said": {untouched, func(r *coviu.SessionCreationRequest) { r.Participants[1].DisplayName = "" }, nil, 0},
		"a guest added since": {func(t *testing.T, _ *coviutest.Server, c *coviu.Client, s *coviu.Session) {
			_, err := c.Participants.Add(t.Context(), s.SessionID, &coviu.ParticipantCreationRequest{DisplayName: "Interpreter"})
			require.NoError(t, err)
		}, nothing, nil, 0},
		"who has the key removed since": {func(t *testing.T, _ *coviutest.Server, c *coviu.Client, s *coviu.Session) {
			_, err := c.Participants.Delete(t.Context(), s.Participants[1].ParticipantID)
			require.NoError(t, err)
		}, nothing, nil, 0},
		"lives once, canceled once": {func(t *testing.T, s *coviutest.Server, c *coviu.Client, first *coviu.Session) {
			double := *first
			double.SessionID, double.Participants = "", nil
			for _, p := range first.Participants {
				double.Participants = append(double.Participants, coviu.Participant{State: p.State, DisplayName: p.DisplayName, Role: p.Role})
			}
			canceled, err := s.Seed(double)
			require.NoError(t, err)
			_, err = c.Sessions.Delete(t.Context(), canceled[0].SessionID)
			require.NoError(t, err)
		}, nothing, nil, 0},
		"another start": {untouched, func(r *coviu.SessionCreationRequest) {
			r.StartTime = r.StartTime.Add(time.Minute)
		}, coviu.ErrKeyConflict, 1},
		"another end": {untouched, func(r *coviu.SessionCreationRequest) {
			r.EndTime = r.EndTime.Add(time.Minute)
		}, coviu.ErrKeyConflict, 1},
		"a second later": {untouched, func(r *coviu.SessionCreationRequest) {
			r.StartTime = r.StartTime.Add(time.Second)
		}, coviu.ErrKeyConflict, 1},
		"another guest": {untouched, func(r *coviu.SessionCreationRequest) {
			r.Participants[1].DisplayName = "Somebody else"
		}, coviu.ErrKeyConflict, 1},
		"another role": {untouched, func(r *coviu.SessionCreationRequest) {
			r.Participants[1].Role = coviu.RoleHost
		}, coviu.ErrKeyConflict, 1},
		"one more guest wanted": {untouched, func(r *coviu.SessionCreationRequest) {
			r.Participants = append(r.Participants, coviu.ParticipantCreationRequest{DisplayName: "Patient"})
		}, coviu.ErrKeyConflict, 1},
		"canceled": {func(t *testing.T, _ *coviutest.Server, c *coviu.Client, s *coviu.Session) {
			_, err := c.Sessions.Delete(t.Context(), s.SessionID)
			require.NoError(t, err)
		}, nothing, coviu.ErrPreviouslyCanceled, 1},
		"lives twice": {func(t *testing.T, s *coviutest.Server, _ *coviu.Client, first *coviu.Session) {
			_, err := s.Seed(coviu.Session{
				StartTime: first.StartTime, EndTime: first.EndTime,
				Participants: []coviu.Participant{{State: onceKey}},
			})
			require.NoError(t, err)
		}, nothing, coviu.ErrDuplicate, 2},
		"moved since": {func(t *testing.T, _ *coviutest.Server, c *coviu.Client, s *coviu.Session) {
			_, err := c.Sessions.Update(t.Context(), s.SessionID, &coviu.SessionUpdateRequest{EndTime: new(s.EndTime.Add(time.Hour))})
			require.NoError(t, err)
		}, nothing, coviu.ErrKeyConflict, 1},
	}
	for name, c := range cases {
		t.Run(name, func(t *testing.T) {
			onceServer(t, func(t *testing.T, s *coviutest.Server, client *coviu.Client) {
				first, err := client.Sessions.CreateOnce(t.Context(), onceKey, appointment(s))
				require.NoError(t, err)
				c.before(t, s, client, first)
				before := len(s.Sessions())
				req := appointment(s)
				c.again(req)
				session, err := client.Sessions.CreateOnce(t.Context(), onceKey, req)
				assert.Equal(t, 1, s.Count(opBook))
				assert.Len(t, s.Sessions(), before, "nothing created")
				if c.want == nil {
					require.NoError(t, err)
					assert.Equal(t, first.SessionID, session.SessionID)
					return
				}
				require.ErrorIs(t, err, c.want)
				for _, other := range []error{coviu.ErrKeyConflict, coviu.ErrDuplicate, coviu.ErrPreviouslyCanceled} {
					assert.Equal(t, other == c.want, errors.Is(err, other)) //nolint:errorlint // the sentinels themselves
				}
				var key *coviu.KeyError
				require.ErrorAs(t, err, &key)
				require.Len(t, key.Sessions, c.holding)
				assert.Equal(t, first.SessionID, key.Sessions[0].SessionID)
			})
		})
	}
}

// A server that keeps whole seconds booked what was asked for.
func TestFault62_WholeSeconds(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := coviutest.NewServer(coviutest.WithInMemory(), coviutest.WithDates(coviutest.DatesRFC1123))
		t.Cleanup(s.Close)
		req := appointment(s)
		req.StartTime = req.StartTime.Add(123456 * time.Microsecond)
		for range 2 {
			_, err := s.Client(t).Sessions.CreateOnce(t.Context(), onceKey, req)
			require.NoError(t, err)
		}
		assert.Equal(t, 1, s.Count(opBook))
	})
}

func TestCreateOnce_Key(t *testing.T) {
	onceServer(t, func(t *testing.T, s *coviutest.Server, client *coviu.Client) {
		full := appointment(s)
		full.Participants[1].State = "patient"
		for name, bad := range map[string]struct {
			key string
			req *coviu.SessionCreationRequest
		}{
			"empty key":      {"", appointment(s)},
			"key not UTF-8":  {"\xff", appointment(s)},
			"no request":     {onceKey, nil},
			"no room":        {onceKey, full},
			"nobody in it":   {onceKey, &coviu.SessionCreationRequest{StartTime: full.StartTime, EndTime: full.EndTime}},
			"no times":       {onceKey, &coviu.SessionCreationRequest{Participants: full.Participants}},
			"ends too early": {onceKey, &coviu.SessionCreationRequest{StartTime: full.EndTime, EndTime: full.StartTime, Participants: appointment(s).Participants}},
		} {
			_, err := client.Sessions.CreateOnce(t.Context(), bad.key, bad.req)
			require.ErrorIs(t, err, coviu.ErrInvalidRequest, name)
			require.ErrorAs(t, err, new(*coviu.ValidationError), name)
		}
		_, err := new(coviu.Client).Sessions.CreateOnce(t.Context(), onceKey, appointment(s))
		require.ErrorIs(t, err, coviu.ErrInvalidRequest)
		assert.Zero(t, s.Count(coviutest.AnyOperation))
	})
}

func TestCreateOnce_WhoCarriesTheKey(t *testing.T) {
	onceServer(t, func(t *testing.T, s *coviutest.Server, client *coviu.Client) {
		req := appointment(s)
		first, err := client.Sessions.CreateOnce(t.Context(), onceKey, req)
		require.NoError(t, err)
		assert.Equal(t, []string{"doctor", onceKey}, []string{first.Participants[0].State, first.Participants[1].State})
		assert.Empty(t, req.Participants[1].State, "the caller's request is the caller's")

		req.Participants[0].State = "a second booking"
		second, err := client.Sessions.CreateOnce(t.Context(), "a second booking", req)
		require.NoError(t, err)
		assert.Equal(t, "a second booking", second.Participants[0].State)
		assert.NotEqual(t, "a second booking", second.Participants[1].State)

		// What travels in the query is the key alone, canceled sessions and removed people wanted.
		for _, r := range s.Requests() {
			if r.Operation == opLook {
				assert.Equal(t, "true", r.Query.Get("include_canceled"))
				assert.Equal(t, "true", r.Query.Get("deleted_participants"))
				assert.Contains(t, []string{onceKey, "a second booking"}, r.Query.Get("state"))
			}
		}
	})
}

// A server that does not know the state parameter lists everything.
func TestCreateOnce_StateIgnoredByTheServer(t *testing.T) {
	onceServer(t, func(t *testing.T, s *coviutest.Server, _ *coviu.Client) {
		seedList(t, s, 450)
		client := s.Client(t, coviu.WithHTTPClient(&http.Client{Transport: &otherServer{
			next: s.Transport(),
			request: func(r *http.Request) {
				q := r.URL.Query()
				q.Del("state")
				r.URL.RawQuery = q.Encode()
			},
		}}))
		first, err := client.Sessions.CreateOnce(t.Context(), onceKey, appointment(s))
		require.NoError(t, err)
		second, err := client.Sessions.CreateOnce(t.Context(), onceKey, appointment(s))
		require.NoError(t, err)
		assert.Equal(t, first.SessionID, second.SessionID)
		assert.Equal(t, 1, s.Count(opBook))
	})
}

func TestCreateOnce_ErrorsKeepTheKeyToThemselves(t *testing.T) {
	onceServer(t, func(t *testing.T, s *coviutest.Server, client *coviu.Client) {
		s.Fail(opBook, coviutest.Reset())
		_, unknown := client.Sessions.CreateOnce(t.Context(), onceKey, appointment(s))
		_, err := client.Sessions.CreateOnce(t.Context(), onceKey, appointment(s))
		require.NoError(t, err)
		other := appointment(s)
		other.EndTime = other.EndTime.Add(time.Hour)
		_, conflict := client.Sessions.CreateOnce(t.Context(), onceKey, other)
		for _, err := range []error{unknown, conflict} {
			require.Error(t, err)
			assert.False(t, strings.Contains(err.Error(), onceKey) || strings.Contains(err.Error(), "Patient"))
		}
	})
}
