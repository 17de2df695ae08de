package pages

import (
	"fmt"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/coviu/coviu-go-sdk"
	"github.com/coviu/coviu-go-sdk/coviutest"
)

func TestPeriodsNameTheDayOnce(t *testing.T) {
	t.Parallel()
	start := time.Date(2026, 11, 23, 21, 38, 0, 0, time.UTC)
	assert.Equal(t, "Mon 23 Nov 2026, 21:38 to 22:08 UTC", period(start, start.Add(30*time.Minute)))
	assert.Equal(t, "Mon 23 Nov 2026, 21:38 UTC to Tue 24 Nov 2026, 00:38 UTC", period(start, start.Add(3*time.Hour)))
}

func TestOnlyTheNewestSessionsAreShown(t *testing.T) {
	t.Parallel()
	s := coviutest.NewServer(coviutest.WithInMemory())
	defer s.Close()
	sessions := make([]coviu.Session, shownSessions+1)
	for i := range sessions {
		sessions[i].SessionName = fmt.Sprintf("number %d;", i)
	}
	_, err := s.Seed(sessions...)
	require.NoError(t, err)
	view := homeOf(s)
	assert.Len(t, view.Sessions, shownSessions)
	assert.Equal(t, shownSessions+1, view.Held)
	assert.Equal(t, "number 100;", view.Sessions[0].Name)
	assert.Equal(t, "number 1;", view.Sessions[shownSessions-1].Name)
}
