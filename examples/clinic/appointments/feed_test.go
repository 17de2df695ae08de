package appointments

import (
	"testing"

	"github.com/jackc/pgx/v5/pgconn"
	"github.com/stretchr/testify/require"
)

func closed(changed <-chan struct{}) bool {
	select {
	case <-changed:
		return true
	default:
		return false
	}
}

func TestAChangeIsToldToThoseWhoWaitForIt(t *testing.T) {
	f := &Feed{next: map[string]chan struct{}{}}
	first, second, other, every := f.Next("a"), f.Next("a"), f.Next("b"), f.Next("")
	require.NoError(t, f.HandleNotification(t.Context(), &pgconn.Notification{Payload: "a"}, nil))
	require.True(t, closed(first))
	require.True(t, closed(second))
	require.True(t, closed(every))
	require.False(t, closed(other))
	require.False(t, closed(f.Next("a")), "the next change is another one")
}

func TestANewConnectionMayHaveMissedAnything(t *testing.T) {
	f := &Feed{next: map[string]chan struct{}{}}
	one, every := f.Next("a"), f.Next("")
	require.NoError(t, f.HandleBacklog(t.Context(), "clinic_appointments", nil))
	require.True(t, closed(one))
	require.True(t, closed(every))
	require.False(t, closed(f.Next("a")))
}
