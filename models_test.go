package coviu_test

import (
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/coviu/coviu-go-sdk"
)

func TestParticipantsAreFoundByRoleAndByState(t *testing.T) {
	removed := time.Date(2026, 3, 2, 9, 0, 0, 0, time.UTC)
	session := &coviu.Session{Participants: []coviu.Participant{
		{ParticipantID: "1", Role: coviu.RoleGuest, State: "patient"},
		{ParticipantID: "2", Role: coviu.RoleHost, State: "doctor"},
		{ParticipantID: "3", Role: coviu.RoleGuest, State: "interpreter", DeletedAt: &removed},
		{ParticipantID: "4", Role: coviu.RoleGuest, State: "relative"},
	}}
	ids := func(people []coviu.Participant) (ids []string) {
		for _, p := range people {
			ids = append(ids, p.ParticipantID)
		}
		return ids
	}
	require.Equal(t, []string{"2"}, ids(session.WithRole(coviu.RoleHost)))
	require.Equal(t, []string{"1", "4"}, ids(session.WithRole(coviu.RoleGuest)))
	require.Equal(t, []string{"1", "4"}, ids(session.WithRole("guest")), "roles are read in any case")
	require.Empty(t, session.WithRole(coviu.RoleParticipant))

	doctor, ok := session.WithState("doctor")
	require.True(t, ok)
	require.Equal(t, "2", doctor.ParticipantID)
	for _, state := range []string{"interpreter", "doc", ""} {
		none, ok := session.WithState(state)
		require.False(t, ok)
		require.Zero(t, none)
	}

	var missing *coviu.Session
	require.Nil(t, missing.WithRole(coviu.RoleHost))
	_, ok = missing.WithState("doctor")
	require.False(t, ok)
}
