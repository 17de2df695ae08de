package drivertest

import (
	"context"
	"errors"
	"strconv"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"golang.org/x/oauth2"

	"github.com/coviu/coviu-go-sdk/coviusql"
)

// token is one that does not expire.
func token(n int) *oauth2.Token {
	t := &oauth2.Token{AccessToken: "access " + strconv.Itoa(n), RefreshToken: "refresh", TokenType: "Bearer", ExpiresIn: 3600}
	return t.WithExtra(map[string]any{"scope": "scope"})
}

// stored is the token that the store has.
func stored(t *testing.T, s *coviusql.Store, id string) (found *oauth2.Token) {
	t.Helper()
	_, err := s.Token(id).Update(t.Context(), func(_ context.Context, stored *oauth2.Token) (*oauth2.Token, error) {
		found = stored
		return stored, nil
	})
	require.NoError(t, err)
	return found
}

// replaceBy is an update by a token, during which something else happens.
func replaceBy(next *oauth2.Token, meanwhile func()) func(context.Context, *oauth2.Token) (*oauth2.Token, error) {
	return func(context.Context, *oauth2.Token) (*oauth2.Token, error) {
		meanwhile()
		return next, nil
	}
}

func TestATokenIsKeptUntilItIsReplacedOrDeleted(t *testing.T) {
	onEach(t, func(t *testing.T, d database) {
		s, other := d.store(t), d.store(t)
		require.Nil(t, stored(t, s, "user"))
		require.NoError(t, s.DeleteToken(t.Context(), "user"), "there is none")
		require.NoError(t, s.SaveToken(t.Context(), "user", token(1)))
		require.Equal(t, token(1), stored(t, other, "user"))
		require.NoError(t, other.SaveToken(t.Context(), "user", token(2)))
		require.Equal(t, token(2), stored(t, s, "user"))
		require.Nil(t, stored(t, s, "another user"))
		require.NoError(t, s.DeleteToken(t.Context(), "user"))
		require.Nil(t, stored(t, other, "user"))
	})
}

func TestAnUpdateStoresWhatItsFunctionReturns(t *testing.T) {
	onEach(t, func(t *testing.T, d database) {
		s := d.store(t)
		for i, before := range []*oauth2.Token{nil, token(1), token(2)} {
			next := token(i + 1)
			got, err := s.Token("user").Update(t.Context(), func(_ context.Context, stored *oauth2.Token) (*oauth2.Token, error) {
				require.Equal(t, before, stored)
				return next, nil
			})
			require.NoError(t, err)
			require.Same(t, next, got)
			require.Equal(t, next, stored(t, d.store(t), "user"))
		}
	})
}

func TestAnUpdateThatFailsStoresNothing(t *testing.T) {
	onEach(t, func(t *testing.T, d database) {
		s := d.store(t)
		require.NoError(t, s.SaveToken(t.Context(), "user", token(1)))
		mine := errors.New("mine")
		got, err := s.Token("user").Update(t.Context(), func(context.Context, *oauth2.Token) (*oauth2.Token, error) {
			return token(2), mine
		})
		require.Same(t, mine, err)
		require.Nil(t, got)
		_, err = s.Token("user").Update(t.Context(), replaceBy(nil, func() {}))
		require.Error(t, err, "a token is not deleted by accident")
		require.Panics(t, func() {
			_, _ = s.Token("user").Update(t.Context(), replaceBy(token(2), func() { panic("mine") }))
		})
		require.Equal(t, token(1), stored(t, s, "user"))
	})
}

func TestUpdatesOfOneUserFollowOneAnother(t *testing.T) {
	onEach(t, func(t *testing.T, d database) {
		stores := []*coviusql.Store{d.store(t), d.store(t)}
		var updating, updates atomic.Int64
		var working sync.WaitGroup
		for i := range 12 {
			working.Go(func() {
				_, err := stores[i%2].Token("user").Update(t.Context(), func(_ context.Context, stored *oauth2.Token) (*oauth2.Token, error) {
					assert.EqualValues(t, 1, updating.Add(1))
					defer updating.Add(-1)
					before := updates.Add(1) - 1
					if before > 0 {
						assert.Equal(t, token(int(before)), stored)
					}
					return token(int(before) + 1), nil
				})
				assert.NoError(t, err)
			})
		}
		working.Wait()
		require.Equal(t, token(12), stored(t, stores[0], "user"))
	})
}

func TestWhatIsSavedOrDeletedDuringAnUpdateWins(t *testing.T) {
	saved := token(9)
	cases := map[string]struct {
		meanwhile func(context.Context, *coviusql.Store) error
		want      *oauth2.Token
	}{
		"saved":   {func(ctx context.Context, s *coviusql.Store) error { return s.SaveToken(ctx, "user", saved) }, saved},
		"deleted": {func(ctx context.Context, s *coviusql.Store) error { return s.DeleteToken(ctx, "user") }, nil},
		"deleted and saved": {func(ctx context.Context, s *coviusql.Store) error {
			return errors.Join(s.DeleteToken(ctx, "user"), s.SaveToken(ctx, "user", saved))
		}, saved},
		"saved and deleted": {func(ctx context.Context, s *coviusql.Store) error {
			return errors.Join(s.SaveToken(ctx, "user", saved), s.DeleteToken(ctx, "user"))
		}, nil},
	}
	onEach(t, func(t *testing.T, d database) {
		s, other := d.store(t), d.store(t)
		for name, c := range cases {
			for _, first := range []*oauth2.Token{nil, token(1)} {
				require.NoError(t, s.DeleteToken(t.Context(), "user"))
				if first != nil {
					require.NoError(t, s.SaveToken(t.Context(), "user", first))
				}
				got, err := s.Token("user").Update(t.Context(), replaceBy(token(2), func() {
					require.NoError(t, c.meanwhile(t.Context(), other))
				}))
				require.NoError(t, err)
				require.Equal(t, c.want, got, name)
				require.Equal(t, c.want, stored(t, other, "user"), name)
			}
		}
	})
}

func TestADeletedTokenLeavesNoRow(t *testing.T) {
	onEach(t, func(t *testing.T, d database) {
		s, db := d.store(t), d.pool(t)
		rows := func() (n int) {
			require.NoError(t, db.QueryRowContext(t.Context(), "SELECT count(*) FROM coviu_tokens").Scan(&n))
			return n
		}
		require.Nil(t, stored(t, s, "nobody"))
		require.Zero(t, rows())
		require.NoError(t, s.SaveToken(t.Context(), "user", token(1)))
		require.NoError(t, s.DeleteToken(t.Context(), "user"))
		require.Zero(t, rows())
		require.NoError(t, s.SaveToken(t.Context(), "user", token(1)))
		got, err := s.Token("user").Update(t.Context(), replaceBy(token(2), func() {
			require.NoError(t, s.DeleteToken(t.Context(), "user"))
			require.Equal(t, 1, rows(), "others wait until the refresh is over")
		}))
		require.NoError(t, err)
		require.Nil(t, got)
		require.Zero(t, rows())
	})
}

func TestARefreshIsStoredAfterItsContextEnded(t *testing.T) {
	onEach(t, func(t *testing.T, d database) {
		s := d.store(t)
		require.NoError(t, s.SaveToken(t.Context(), "user", token(1)))
		ctx, cancel := context.WithCancel(t.Context())
		got, err := s.Token("user").Update(ctx, replaceBy(token(2), cancel))
		require.NoError(t, err)
		require.Equal(t, token(2), got)
		require.Equal(t, token(2), stored(t, s, "user"))
	})
}

func TestWhoeverWaitsForATokenMayGiveUp(t *testing.T) {
	onEach(t, func(t *testing.T, d database) {
		s := d.store(t)
		_, err := s.Token("user").Update(t.Context(), replaceBy(token(1), func() {
			waiting, cancel := context.WithTimeout(t.Context(), 100*time.Millisecond)
			defer cancel()
			_, err := s.Token("user").Update(waiting, replaceBy(token(2), func() { assert.Fail(t, "two updates at once") }))
			require.ErrorIs(t, err, context.DeadlineExceeded)
		}))
		require.NoError(t, err)
		require.Equal(t, token(1), stored(t, s, "user"))
	})
}

func TestATokenWhoseLastHolderDidNotReleaseItIsGivenOutAsExpiredOnce(t *testing.T) {
	onEach(t, func(t *testing.T, d database) {
		s, db := d.store(t), d.pool(t)
		crash := func(holder string) {
			_, err := db.ExecContext(t.Context(), "UPDATE coviu_tokens SET holder = '"+holder+"'")
			require.NoError(t, err)
		}
		require.NoError(t, s.SaveToken(t.Context(), "user", token(1)))
		for _, holder := range []string{"one", "another"} {
			crash(holder)
			found := stored(t, s, "user")
			require.True(t, !found.Expiry.IsZero() && !time.Now().Before(found.Expiry))
			require.Equal(t, "refresh", found.RefreshToken)
			require.Equal(t, token(1), stored(t, s, "user"), "the next holder did release it")
		}

		lasting := &oauth2.Token{AccessToken: "nothing can replace it"}
		require.NoError(t, s.SaveToken(t.Context(), "user", lasting))
		crash("one")
		require.Equal(t, lasting, stored(t, s, "user"))
		require.NoError(t, s.DeleteToken(t.Context(), "user"))
		require.Nil(t, stored(t, s, "user"))
	})
}

func TestAnEmptyTokenIsNotSaved(t *testing.T) {
	onEach(t, func(t *testing.T, d database) {
		s := d.store(t)
		require.Error(t, s.SaveToken(t.Context(), "user", nil))
		require.Error(t, s.SaveToken(t.Context(), "user", &oauth2.Token{}))
		require.Nil(t, stored(t, s, "user"))
		consented := &oauth2.Token{RefreshToken: "refresh"}
		require.NoError(t, s.SaveToken(t.Context(), "user", consented))
		require.Equal(t, consented, stored(t, s, "user"))
	})
}
