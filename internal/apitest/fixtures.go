package apitest

import (
	"time"

	"github.com/coviu/coviu-go-sdk"
)

// TwoParticipants returns what participants_array.json holds.
func TwoParticipants() []coviu.Participant {
	return []coviu.Participant{
		{ParticipantID: "p-1", SessionID: "s-1", Role: coviu.RoleHost, EntryURL: "https://api.coviu.com/v1/join/p-1"},
		{ParticipantID: "p-2", SessionID: "s-1", Role: coviu.RoleGuest, EntryURL: "https://api.coviu.com/v1/join/p-2"},
	}
}

// Clock returns a time on the day of the fixtures.
func Clock(hour, minute int) time.Time { return time.Date(2026, 3, 2, hour, minute, 0, 0, time.UTC) }

// FullSession returns what session.json holds: every field is set.
func FullSession() *coviu.Session {
	return &coviu.Session{
		SessionID:   "5f0f6c1e-0b1d-4e52-9c2a-000000000001",
		TeamID:      "c56a4180-65aa-42ec-a945-5fd21dec0538",
		ClientID:    "1c9e6679-7425-40de-944b-e07fc1f90ae7",
		SessionName: "Zoë & Dr. Ümit",
		StartTime:   Clock(9, 0),
		EndTime:     Clock(9, 25),
		Picture:     "https://static.example.com/sessions/1.png",
		Participants: []coviu.Participant{{
			ParticipantID: "9a3d0001-77aa-4b57-8f0e-000000000001",
			SessionID:     "5f0f6c1e-0b1d-4e52-9c2a-000000000001",
			ClientID:      "1c9e6679-7425-40de-944b-e07fc1f90ae7",
			DisplayName:   "Dr. Ümit",
			Role:          coviu.RoleHost,
			Picture:       "https://static.example.com/pictures/1.png",
			State:         "booking-1",
			EntryURL:      "https://api.coviu.com/v1/join/9a3d0001",
			CoviuUserID:   "77",
			UserHint:      "umit@example.com",
			Phone:         "+61 2 5550 0100",
			Fee:           `{"amount":50,"currency":"AUD"}`,
		}, {
			ParticipantID: "9a3d0002-77aa-4b57-8f0e-000000000001",
			SessionID:     "5f0f6c1e-0b1d-4e52-9c2a-000000000001",
			ClientID:      "1c9e6679-7425-40de-944b-e07fc1f90ae7",
			DisplayName:   "Zoë",
			Role:          coviu.RoleGuest,
			State:         "booking-2",
			EntryURL:      "https://api.coviu.com/v1/join/9a3d0002",
			DeletedAt:     new(time.Date(2026, 3, 1, 12, 0, 0, 123456789, time.UTC)),
		}},
		FeatureFlags: []string{"-plugin;whiteboard", "customisation;disable-menu"},
		CanceledTime: new(time.Date(2026, 3, 1, 23, 59, 59, 999e6, time.UTC)),
	}
}

// MinimalSession returns what session_minimal.json holds.
func MinimalSession() *coviu.Session {
	return &coviu.Session{SessionID: "s-1", StartTime: Clock(9, 0), EndTime: Clock(9, 25)}
}

// SessionPage returns what session_page.json holds: two sessions.
func SessionPage() *coviu.SessionPage {
	return &coviu.SessionPage{
		Content: []coviu.Session{{
			SessionID: "s-1", StartTime: Clock(9, 0), EndTime: Clock(9, 25),
			Participants: []coviu.Participant{{
				ParticipantID: "p-1", SessionID: "s-1", Role: coviu.RoleHost,
				EntryURL: "https://api.coviu.com/v1/join/p-1",
			}},
		}, {
			SessionID: "s-2", StartTime: Clock(10, 0), EndTime: Clock(10, 25),
			CanceledTime: new(time.Date(2026, 3, 1, 8, 0, 0, 0, time.UTC)),
		}},
		More: true, PageSize: 2, PageCount: 3,
	}
}
