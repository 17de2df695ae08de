//go:build unix

package drivertest

import (
	"syscall"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
)

func TestAStalledProcessBeginsNothingWhenItWakes(t *testing.T) {
	const lease, lost = 2 * time.Second, "coviusql: the hold on the key was lost"
	onEach(t, func(t *testing.T, d database) {
		p := start(t, task{Name: "wake", Database: d, Lease: lease, Grace: time.Minute})
		p.begin(t)
		p.expect(t, "held")
		require.NoError(t, p.command.Process.Signal(syscall.SIGSTOP))
		s := d.store(t, withLease(lease))
		require.Equal(t, facts{}, known(look(t, s, "key")), "it had sent nothing")
		require.NoError(t, book(t.Context(), s, "key", "session"))
		p.begin(t)
		require.NoError(t, p.command.Process.Signal(syscall.SIGCONT))
		p.expect(t, lost)
		p.expect(t, lost)
		p.expect(t, "done")
		require.Equal(t, facts{session: "session"}, known(look(t, s, "key")))
	})
}
