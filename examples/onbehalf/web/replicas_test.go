package web_test

import (
	"context"
	"crypto/rand"
	"database/sql"
	"fmt"
	"net/http"
	"net/url"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/coviu/coviu-go-sdk/coviutest"
	"github.com/coviu/coviu-go-sdk/examples/onbehalf/database"
)

// postgresURL names a PostgreSQL database in which tests may create schemas.
const postgresURL = "COVIU_TEST_POSTGRES"

func TestMain(m *testing.M) {
	if os.Getenv(postgresURL) == "" {
		fmt.Println(postgresURL + " is not set: the tests leave PostgreSQL out")
	}
	os.Exit(m.Run())
}

// onEach runs test on an empty database of each kind at hand.
func onEach(t *testing.T, test func(t *testing.T, name string)) {
	t.Helper()
	t.Run("SQLite", func(t *testing.T) { test(t, filepath.Join(t.TempDir(), "onbehalf.db")) })
	if os.Getenv(postgresURL) != "" {
		t.Run("PostgreSQL", func(t *testing.T) { test(t, newSchema(t)) })
	}
}

func newSchema(t *testing.T) string {
	t.Helper()
	admin, err := sql.Open("pgx", os.Getenv(postgresURL))
	require.NoError(t, err)
	schema := "test_" + strings.ToLower(rand.Text())
	_, err = admin.ExecContext(t.Context(), "CREATE SCHEMA "+schema)
	require.NoError(t, err)
	t.Cleanup(func() {
		_, err := admin.ExecContext(context.WithoutCancel(t.Context()), "DROP SCHEMA "+schema+" CASCADE")
		require.NoError(t, err)
		require.NoError(t, admin.Close())
	})
	name, err := url.Parse(os.Getenv(postgresURL))
	require.NoError(t, err)
	query := name.Query()
	query.Set("search_path", schema)
	name.RawQuery = query.Encode()
	return name.String()
}

// atOnce sends a request from several tabs at the same time and returns the pages.
func atOnce(tabs int, send func() string) []string {
	pages := make([]string, tabs)
	var sending sync.WaitGroup
	for i := range tabs {
		sending.Go(func() { pages[i] = send() })
	}
	sending.Wait()
	return pages
}

func TestTwoReplicasServeOneVisitor(t *testing.T) {
	onEach(t, func(t *testing.T, name string) {
		s := newSiteOn(t, name, 2)
		// Each request goes to the other replica than the one before: the question, the
		// answer, and the page that follows.
		v := newConnected(t, s)
		assert.Equal(t, 1, s.storedTokens(t))

		status, page := v.post(t, "/book", booking("k-1"))
		require.Equal(t, http.StatusOK, status)
		assert.Contains(t, page, "The call is booked.")
		for range 2 {
			_, page = v.get(t, "/")
			assert.Contains(t, page, "Check-up")
			assert.NotContains(t, page, "The call is booked.")
		}
		id := s.coviu.Sessions()[0].SessionID
		_, page = v.post(t, "/move", url.Values{"session": {id}, "start": {"17:00"}})
		assert.Contains(t, page, "17:00")
		_, page = v.post(t, "/cancel", url.Values{"session": {id}})
		assert.Contains(t, page, "Nothing is booked for today.")
		v.post(t, "/disconnect", nil)
		for range 2 {
			_, page = v.get(t, "/")
			assert.Contains(t, page, `href="/connect"`)
		}
	})
}

func TestTwoReplicasBookOnceForAFormThatIsSentTwice(t *testing.T) {
	onEach(t, func(t *testing.T, name string) {
		s := newSiteOn(t, name, 2)
		v := newConnected(t, s)
		s.coviu.Fail("POST /sessions", coviutest.Delay(300*time.Millisecond))
		for _, page := range atOnce(4, func() string { _, page := v.post(t, "/book", booking("k-1")); return page }) {
			assert.Contains(t, page, "Check-up")
		}
		assert.Len(t, s.coviu.Sessions(), 1)
		assert.Equal(t, 1, s.coviu.Count("POST /sessions"))
	})
}

func TestTwoReplicasRefreshATokenOnce(t *testing.T) {
	onEach(t, func(t *testing.T, name string) {
		s := newSiteOn(t, name, 2)
		v := newConnected(t, s)
		for round := 1; round <= 3; round++ {
			s.coviu.RevokeTokens()
			for _, page := range atOnce(4, func() string { _, page := v.get(t, "/"); return page }) {
				assert.Contains(t, page, "Your calls today")
			}
			assert.Equal(t, coviutest.Results{CarriedOut: round}, s.coviu.GrantResults("refresh_token"))
		}
	})
}

// Two tabs are open, one of them with a form, when all replicas are replaced and
// the access token has ended: nobody is asked to connect again, and the form books
// what it would have booked.
func TestARestartWithTwoTabsLosesNothing(t *testing.T) {
	onEach(t, func(t *testing.T, name string) {
		s := newSiteOn(t, name, 2)
		v := newConnected(t, s)
		for round := 1; round <= 3; round++ {
			s.coviu.RevokeTokens()
			s.restart(t)
			for _, page := range atOnce(2, func() string { _, page := v.get(t, "/"); return page }) {
				assert.Contains(t, page, "Your calls today")
			}
			assert.Equal(t, coviutest.Results{CarriedOut: round}, s.coviu.GrantResults("refresh_token"))
			for _, page := range atOnce(2, func() string { _, page := v.post(t, "/book", booking("k-1")); return page }) {
				assert.Contains(t, page, "Check-up")
			}
			assert.Len(t, s.coviu.Sessions(), 1)
		}
		assert.Equal(t, 1, s.storedTokens(t))
	})
}

// One replica has sent a refresh when the visitor disconnects at the other one. The
// new token comes too late.
func TestADisconnectionDuringARefreshIsFinal(t *testing.T) {
	onEach(t, func(t *testing.T, name string) {
		s := newSiteOn(t, name, 2)
		v := newConnected(t, s)
		other := newVisitor(t, s)
		other.Jar.SetCookies(must(url.Parse(s.URL)), v.Jar.Cookies(must(url.Parse(s.URL))))
		s.coviu.RevokeTokens()
		arrived, release := s.gate.close()
		defer release()
		late := make(chan *http.Response, 1)
		go func() {
			defer close(late)
			if resp, err := other.Get(s.URL); err == nil {
				late <- resp
			}
		}()
		<-arrived

		_, page := v.post(t, "/disconnect", nil)
		assert.Contains(t, page, `href="/connect"`)
		release()

		resp := <-late
		require.NotNil(t, resp)
		_, page = read(t, resp)
		assert.Contains(t, page, `href="/connect"`)
		assert.NotContains(t, page, "alert", "the visitor wanted it so")
		for range 4 {
			_, page = other.get(t, "/")
			assert.Contains(t, page, `href="/connect"`)
		}
		assert.Zero(t, s.storedTokens(t))
		assert.Equal(t, coviutest.Results{CarriedOut: 1}, s.coviu.GrantResults("refresh_token"))
	})
}

func must(u *url.URL, err error) *url.URL {
	if err != nil {
		panic(err)
	}
	return u
}

func TestReplicasMayStartAtTheSameTime(t *testing.T) {
	onEach(t, func(t *testing.T, name string) {
		for _, failure := range atOnce(8, func() string {
			data, err := database.Open(t.Context(), name, nil)
			if err != nil {
				return err.Error()
			}
			defer data.Close()
			return ""
		}) {
			assert.Empty(t, failure)
		}
	})
}

func TestVisitorsWhoseTimeIsUpAreRemoved(t *testing.T) {
	onEach(t, func(t *testing.T, name string) {
		s := newSiteOn(t, name, 1)
		newConnected(t, s)
		data := s.replicas[0].database
		require.NoError(t, data.Tidy(t.Context(), noon.AddDate(0, 11, 0)))
		assert.Equal(t, 1, s.storedTokens(t))
		require.NoError(t, data.Tidy(t.Context(), noon.AddDate(1, 1, 0)))
		assert.Zero(t, s.storedTokens(t))
	})
}
