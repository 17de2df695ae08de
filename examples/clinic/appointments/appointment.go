// Package appointments keeps the appointments of a clinic in PostgreSQL and brings
// the sessions at the service in line with them. The database holds what the front
// desk wants. Jobs of a queue in the same database carry it out.
package appointments

import (
	"regexp"
	"slices"
	"strings"
	"time"

	"github.com/coviu/coviu-go-sdk"
)

// Appointment is what the front desk wants, and what the service is known to have.
type Appointment struct {
	ID string
	Wish
	Canceled bool
	// Revision counts the changes, Synced is the last one that the service agreed
	// with.
	Revision, Synced int64

	Booking      *Wish // the first booking as it is sent, nil if none ever was
	SessionID    string
	Participants map[string]string // participant ids by the person's Ref
	InDoubt      bool
	Problem      string

	PatientCode string
}

// Wish is what can be changed about an appointment.
type Wish struct {
	Title  string    `json:"title"`
	Start  time.Time `json:"start" db:"starts_at"`
	End    time.Time `json:"end" db:"ends_at"`
	People []Person  `json:"people"`
}

// PatientRef is the Ref of the patient.
const PatientRef = "patient"

// Person takes part in an appointment. The Ref names the person within it, such as
// "patient", and never changes.
type Person struct {
	Ref  string     `json:"ref"`
	Name string     `json:"name"`
	Role coviu.Role `json:"role"`
}

// Status is what the front desk sees of an appointment.
type Status string

// All that an appointment can be.
const (
	Booking     Status = "booking"
	Booked      Status = "booked"
	Updating    Status = "updating" // booked, and the last change is not yet at the service
	InDoubt     Status = "in doubt" // nobody knows yet whether a request was carried out
	NeedsPerson Status = "needs a person"
	Canceling   Status = "canceling"
	Canceled    Status = "canceled"
)

// Status computes what the front desk sees.
func (a *Appointment) Status() Status {
	synced := a.Synced == a.Revision
	switch {
	case a.Problem != "":
		return NeedsPerson
	case synced && a.Canceled:
		return Canceled
	case synced:
		return Booked
	case a.InDoubt:
		return InDoubt
	case a.Canceled:
		return Canceling
	case a.SessionID == "":
		return Booking
	}
	return Updating
}

const keyPrefix = "clinic-"

// key is the booking key at the service. The host's State holds it.
func key(id string) string { return keyPrefix + id }

// State is the State of a person's participant: the key for the host, for the
// others something that starts with the key.
func (a *Appointment) State(p Person) string {
	if p.Role == coviu.RoleHost {
		return key(a.ID)
	}
	return key(a.ID) + "." + p.Ref
}

var (
	validID  = regexp.MustCompile(`^[A-Za-z0-9-]{8,64}$`)
	validRef = regexp.MustCompile(`^[a-z0-9-]{1,32}$`)
)

// The limits of the service, as its documents give them.
const (
	longestSession = 12 * time.Hour
	mostPeople     = 5
)

// InvalidError is a refusal that the front desk can mend.
type InvalidError string

func (e InvalidError) Error() string { return string(e) }

func (w *Wish) check(id string) error {
	hosts := 0
	for i, p := range w.People {
		if p.Role == coviu.RoleHost {
			hosts++
		}
		known := p.Role == coviu.RoleHost || p.Role == coviu.RoleGuest || p.Role == coviu.RoleParticipant
		twice := slices.ContainsFunc(w.People[:i], func(other Person) bool { return other.Ref == p.Ref })
		if !known || p.Name == "" || strings.TrimSpace(p.Name) != p.Name || !validRef.MatchString(p.Ref) || twice {
			return InvalidError("each person needs a role, a name and a ref of their own")
		}
	}
	switch {
	case !validID.MatchString(id):
		return InvalidError("the id needs 8 to 64 letters, digits or dashes")
	case strings.TrimSpace(w.Title) == "":
		return InvalidError("a title is missing")
	case w.Start.IsZero(), !w.Start.Before(w.End):
		return InvalidError("an appointment needs a start, and an end after it")
	case w.End.Sub(w.Start) > longestSession:
		return InvalidError("an appointment takes 12 hours at most")
	case hosts != 1 || len(w.People) < 2 || len(w.People) > mostPeople:
		return InvalidError("an appointment needs one doctor, and one to four other people")
	}
	return nil
}

func (w *Wish) patient() Person {
	for _, p := range w.People {
		if p.Ref == PatientRef {
			return p
		}
	}
	return Person{}
}

// equal compares what the service is told.
func (w *Wish) equal(other *Wish) bool {
	return w.Title == other.Title && w.Start.Equal(other.Start) && w.End.Equal(other.End) &&
		slices.Equal(w.People, other.People)
}
