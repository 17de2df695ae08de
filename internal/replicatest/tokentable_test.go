package replicatest_test

import (
	"fmt"
	"math/rand/v2"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/require"
)

// tokenTable counts the schedules that were played.
type tokenTable struct {
	counts
	total int
}

func newTokenTable() *tokenTable { return &tokenTable{counts: counts{}} }

// add plays a schedule. One whose faults don't strike is not counted: a shorter
// one is the same.
func (table *tokenTable) add(t testing.TB, s *tokenSchedule) {
	t.Helper()
	r := newTokenRun(t, s)
	lost := r.check()
	if len(r.wrong) > 0 {
		t.Errorf("%v:\n%s", s, strings.Join(r.wrong, "\n"))
	}
	if !r.used() {
		return
	}
	table.total++
	traffic := map[bool]string{true: "all at once", false: "steady"}[s.atOnce]
	table.count("replicas", fmt.Sprint(s.replicas))
	table.count("traffic", traffic)
	table.count("server", s.rotation.String())
	table.count("first token request", s.outcomes[0].String())
	table.count("second token request", s.outcomes[1].String())
	if s.fault.kind != noFault {
		table.count("fault", s.fault.kind.String()+" "+s.fault.step.String())
	}
	if hole := s.hole(); hole != "" {
		name := hole + ", " + traffic + ", " + s.rotation.String()
		table.count("hole", name)
		if r.failed > 0 && !s.inTrouble() {
			table.count("hole, failed calls", name)
		}
		if lost {
			table.count("hole, grant lost", name)
		}
	}
}

func (table *tokenTable) merge(other *tokenTable) {
	table.counts.merge(other.counts)
	table.total += other.total
}

func (table *tokenTable) String() string {
	return fmt.Sprintf("%d schedules\n%v", table.total, table.counts)
}

// This plays a sample of the schedules. The tag exhaustive plays all.
func TestFault71_TokenSchedules(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		random := rand.New(rand.NewPCG(71, 1))
		table := newTokenTable()
		for s := range tokenSchedules() {
			if random.IntN(200) == 0 {
				table.add(t, s)
			}
		}
		t.Logf("%v", table)
		require.Greater(t, table.total, 100)
	})
}

// Without leases, replicas that wake together send one refresh token twice.
func TestTokenSchedulesFindAStoreWithoutLeases(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		r := newTokenRun(t, &tokenSchedule{rotation: reuseRevokes, replicas: 3, atOnce: true})
		r.row.shared = true
		require.True(t, r.check(), "the grant is lost")
		require.NotEmpty(t, r.wrong)
		<-time.After(time.Minute)
	})
}
