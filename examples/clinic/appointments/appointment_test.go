package appointments

import (
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/coviu/coviu-go-sdk"
)

func consultation(start time.Time) Wish {
	return Wish{
		Title: "Consultation", Start: start, End: start.Add(30 * time.Minute),
		People: []Person{
			{Ref: "doctor", Name: "Dr. Ada Nwosu", Role: coviu.RoleHost},
			{Ref: PatientRef, Name: "Ben Okafor", Role: coviu.RoleGuest},
		},
	}
}

func TestWishesThatCanNotBeBookedAreRefused(t *testing.T) {
	start := time.Date(2030, time.January, 15, 9, 0, 0, 0, time.UTC)
	for name, edit := range map[string]func(*Wish){
		"no title":        func(w *Wish) { w.Title = " " },
		"no start":        func(w *Wish) { w.Start = time.Time{} },
		"ends at once":    func(w *Wish) { w.End = w.Start },
		"13 hours":        func(w *Wish) { w.End = w.Start.Add(13 * time.Hour) },
		"no doctor":       func(w *Wish) { w.People = w.People[1:] },
		"no patient":      func(w *Wish) { w.People = w.People[:1] },
		"two doctors":     func(w *Wish) { w.People[1].Role = coviu.RoleHost },
		"the same ref":    func(w *Wish) { w.People[1].Ref = "doctor" },
		"a ref with dots": func(w *Wish) { w.People[1].Ref = "a.b" },
		"an unknown role": func(w *Wish) { w.People[1].Role = "guest" },
		"no name":         func(w *Wish) { w.People[1].Name = "" },
		"six people": func(w *Wish) {
			for _, ref := range []string{"a", "b", "c", "d"} {
				w.People = append(w.People, Person{Ref: ref, Name: ref, Role: coviu.RoleGuest})
			}
		},
	} {
		t.Run(name, func(t *testing.T) {
			w := consultation(start)
			require.NoError(t, w.check("appointment-1"))
			edit(&w)
			require.ErrorAs(t, w.check("appointment-1"), new(InvalidError))
		})
	}
	w := consultation(start)
	for _, id := range []string{"", "short", "with.a.dot", "with space"} {
		require.ErrorAs(t, w.check(id), new(InvalidError), id)
	}
}

func TestTheStatusFollowsFromWhatIsKnown(t *testing.T) {
	for want, a := range map[Status]Appointment{
		Booking:     {Revision: 1},
		Booked:      {Revision: 2, Synced: 2, SessionID: "s"},
		Updating:    {Revision: 3, Synced: 2, SessionID: "s"},
		InDoubt:     {Revision: 1, InDoubt: true},
		NeedsPerson: {Revision: 1, Problem: "why"},
		Canceling:   {Revision: 2, Synced: 1, Canceled: true, SessionID: "s"},
		Canceled:    {Revision: 2, Synced: 2, Canceled: true},
	} {
		require.Equal(t, want, a.Status())
	}
}
