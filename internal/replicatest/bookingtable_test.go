package replicatest_test

import (
	"cmp"
	"fmt"
	"math/rand/v2"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/require"
)

// bookingTable counts the schedules that were played.
type bookingTable struct {
	counts
	total int
	// without counts the schedules that end with several live sessions when there is
	// no ledger.
	without int
}

func newBookingTable() *bookingTable { return &bookingTable{counts: counts{}} }

// add plays a schedule with a ledger, and once more without. A schedule whose
// faults don't strike is not counted: a shorter one is the same.
func (table *bookingTable) add(t testing.TB, s *bookingSchedule) {
	t.Helper()
	b := newBookingRun(t, s, &bookingRow{})
	b.play()
	if !b.used() {
		return
	}
	live := b.check()
	if len(b.wrong) > 0 {
		t.Errorf("%v:\n%s", s, strings.Join(b.wrong, "\n"))
	}
	alone := newBookingRun(t, s, nil)
	alone.play()
	<-time.After(10 * time.Minute)

	table.total++
	table.count("replicas", fmt.Sprint(s.replicas))
	table.count("first POST", outcomes[s.outcomes[0]].name)
	table.count("second POST", outcomes[s.outcomes[1]].name)
	table.count("offset", s.offset.String())
	table.count("again after", s.again.String())
	for _, f := range s.faults {
		if f.kind != noFault {
			table.count("fault", f.kind.String()+" "+f.step.String())
		}
	}
	table.count("faults", fmt.Sprint(len(b.faults.all())))
	hole := cmp.Or(b.mayDouble(), "none")
	table.count("hole", hole)
	if live > 1 {
		table.count("doubled", hole)
	}
	if len(alone.service.live()) > 1 {
		table.without++
		table.count("doubled without a ledger", hole)
	}
}

func (table *bookingTable) merge(other *bookingTable) {
	table.counts.merge(other.counts)
	table.total += other.total
	table.without += other.without
}

func (table *bookingTable) String() string {
	return fmt.Sprintf("%d schedules, of which %d double without a ledger\n%v", table.total, table.without, table.counts)
}

// This plays a sample of the schedules. The tag exhaustive plays all.
func TestFault73_BookingSchedules(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		random := rand.New(rand.NewPCG(73, 1))
		table := newBookingTable()
		for s := range bookingSchedules() {
			if random.IntN(1500) == 0 {
				table.add(t, s)
			}
		}
		t.Logf("%v", table)
		require.Greater(t, table.total, 50)
		require.Positive(t, table.without, "a model that books nothing twice proves nothing")
	})
}

// A ledger that does not set Overdue when a request begins loses track of the
// earlier one.
func TestBookingSchedulesFindALedgerThatForgets(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		late := &bookingSchedule{replicas: 2, offset: 320 * time.Second, again: time.Second, outcomes: [2]int{5, 0}}
		for _, forgetful := range []bool{false, true} {
			b := newBookingRun(t, late, &bookingRow{forgetful: forgetful})
			b.play()
			require.Equal(t, 2, b.check())
			require.Equal(t, forgetful, len(b.wrong) > 0, b.wrong)
		}
	})
}
