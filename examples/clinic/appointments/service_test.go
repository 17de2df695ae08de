package appointments

import (
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/coviu/coviu-go-sdk"
	"github.com/coviu/coviu-go-sdk/coviutest"
)

// booked is an appointment whose session was booked as it is.
func booked(t *testing.T) (*coviutest.Server, *service, *Appointment) {
	t.Helper()
	server := coviutest.NewServer()
	t.Cleanup(server.Close)
	s := &service{Config: Config{Client: server.Client(t)}}
	a := &Appointment{ID: "appointment-1", Wish: consultation(server.Now().Add(time.Hour).UTC().Truncate(time.Second))}
	a.Booking = &a.Wish
	session, err := s.Client.Sessions.CreateOnce(t.Context(), key(a.ID), a.request())
	require.NoError(t, err)
	a.SessionID = session.SessionID
	return server, s, a
}

// align brings the session in line, and checks that it is.
func align(t *testing.T, s *service, a *Appointment) map[string]string {
	t.Helper()
	session, err := s.Client.Sessions.Get(t.Context(), a.SessionID, nil)
	require.NoError(t, err)
	ids, err := s.align(t.Context(), a, session)
	require.NoError(t, err)
	session, err = s.Client.Sessions.Get(t.Context(), a.SessionID, nil)
	require.NoError(t, err)
	changes, _ := s.compare(a, session)
	require.Empty(t, changes)
	require.Equal(t, a.Start, session.StartTime)
	require.Len(t, ids, len(a.People))
	return ids
}

func TestASessionThatAgreesIsNotTouched(t *testing.T) {
	server, s, a := booked(t)
	align(t, s, a)
	require.Zero(t, server.Count("PUT /sessions/{session_id}"))
}

func TestMovesAndOtherPeopleAreCarriedOut(t *testing.T) {
	_, s, a := booked(t)
	before := align(t, s, a)
	a.Start, a.End = a.Start.Add(time.Hour), a.End.Add(time.Hour)
	a.People = append(a.People, Person{Ref: "interpreter", Name: "Ines Duarte", Role: coviu.RoleGuest})
	after := align(t, s, a)
	require.Equal(t, before["doctor"], after["doctor"], "who stays keeps the link")
	require.Equal(t, before[PatientRef], after[PatientRef])

	a.People = a.People[:2]
	a.People[1].Name = "Ruth Lindqvist"
	last := align(t, s, a)
	require.NotEqual(t, after[PatientRef], last[PatientRef], "somebody else gets another link")
}

func TestPeopleWhoWereAddedInCoviuAreLeftAlone(t *testing.T) {
	server, s, a := booked(t)
	_, err := s.Client.Participants.Add(t.Context(), a.SessionID, &coviu.ParticipantCreationRequest{DisplayName: "A colleague", Role: coviu.RoleHost})
	require.NoError(t, err)
	align(t, s, a)
	session, _ := server.Session(a.SessionID)
	require.Len(t, session.WithRole(coviu.RoleHost), 2)
}

func TestAPersonWhoWasAddedTwiceIsRemovedOnce(t *testing.T) {
	server, s, a := booked(t)
	server.Fail("POST /sessions/{session_id}/participants", coviutest.LoseReply())
	a.People = append(a.People, Person{Ref: "interpreter", Name: "Ines Duarte", Role: coviu.RoleGuest})
	session, err := s.Client.Sessions.Get(t.Context(), a.SessionID, nil)
	require.NoError(t, err)
	_, err = s.align(t.Context(), a, session)
	require.ErrorIs(t, err, coviu.ErrOutcomeUnknown)
	// Somebody adds the interpreter from what was seen before.
	require.NoError(t, s.add(a.SessionID, a, a.People[2])(t.Context()))
	align(t, s, a)
	session, err = s.Client.Sessions.Get(t.Context(), a.SessionID, nil)
	require.NoError(t, err)
	require.Len(t, session.WithRole(coviu.RoleGuest), 2)
}

func TestARefusalIsForAPerson(t *testing.T) {
	server, s, a := booked(t)
	server.Advance(2 * time.Hour) // the call is over
	a.Title = "Another title"
	session, err := s.Client.Sessions.Get(t.Context(), a.SessionID, nil)
	require.NoError(t, err)
	_, err = s.align(t.Context(), a, session)
	var problem problemError
	require.ErrorAs(t, err, &problem)
	require.NotContains(t, problem, a.SessionID)
	require.ErrorAs(t, s.cancel(t.Context(), a.SessionID), &problem)
}

// Without a look at the list, a revoked token and a canceled session look the same:
// once a new token did not help for one session, the client does not ask for
// another one because of a 401 on a session.
func TestARevokedTokenIsNotTakenForACanceledSession(t *testing.T) {
	server, s, a := booked(t)
	other, err := s.Client.Sessions.Create(t.Context(), a.request())
	require.NoError(t, err)
	require.NoError(t, s.cancel(t.Context(), other.SessionID))
	_, err = s.Client.Sessions.Get(t.Context(), other.SessionID, nil)
	require.ErrorIs(t, err, coviu.ErrUnauthorized)

	server.RevokeTokens()
	session, err := s.get(t.Context(), a)
	require.NoError(t, err)
	require.Equal(t, a.SessionID, session.SessionID)
}

func TestACanceledSessionIsAProblemOnlyIfItIsWanted(t *testing.T) {
	_, s, a := booked(t)
	require.NoError(t, s.cancel(t.Context(), a.SessionID))
	_, err := s.get(t.Context(), a)
	require.Equal(t, problemCanceled, err)
	a.Canceled = true
	session, err := s.get(t.Context(), a)
	require.NoError(t, err)
	require.Nil(t, session)
}

func TestOnlyTheRightLinkIsGivenOut(t *testing.T) {
	server, s, a := booked(t)
	a.Participants = align(t, s, a)
	a.Revision, a.Synced = 1, 1
	session, _ := server.Session(a.SessionID)
	doctor, patient := session.WithRole(coviu.RoleHost)[0], session.WithRole(coviu.RoleGuest)[0]
	link, err := (&Replica{service: s}).Link(t.Context(), a, coviu.RoleHost)
	require.NoError(t, err)
	require.Equal(t, doctor.EntryURL, link)
	link, err = (&Replica{service: s}).Link(t.Context(), a, coviu.RoleGuest)
	require.NoError(t, err)
	require.Equal(t, patient.EntryURL, link)
	_, err = (&Replica{service: s}).Link(t.Context(), a, coviu.RoleParticipant)
	require.ErrorIs(t, err, ErrUnknown)
	a.Revision++
	_, err = (&Replica{service: s}).Link(t.Context(), a, coviu.RoleHost)
	require.ErrorIs(t, err, ErrUnknown, "the change under way may be another patient")
}
