package createoncetest_test

import (
	"context"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/coviu/coviu-go-sdk"
	"github.com/coviu/coviu-go-sdk/coviutest"
)

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
