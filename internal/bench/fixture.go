package main

import (
	"fmt"
	"strconv"
	"strings"
	"time"
)

const pageSize = 200

// sessionTemplate is one session as the service sends it. {n} stands for the
// twelve digits that differ between sessions.
const sessionTemplate = `{"session_id":"5f0c2b9a-71d4-4e3a-9c58-{n}",` +
	`"team_id":"c1a7e2d0-3b46-4f9e-8d21-0b6f5a4e9c37","client_id":"9e4d1f6b-52c8-4a07-b3e9-7d8c2a1f6e05",` +
	`"session_name":"Review after surgery {n}",` +
	`"start_time":"2031-06-08T04:00:00.000Z","end_time":"2031-06-08T04:30:00.000Z",` +
	`"picture":"https://clinic.example/pictures/session.png","participants":[` +
	`{"participant_id":"a3d9e6f1-08b7-4c52-a1e4-{n}","session_id":"5f0c2b9a-71d4-4e3a-9c58-{n}",` +
	`"client_id":"9e4d1f6b-52c8-4a07-b3e9-7d8c2a1f6e05","display_name":"Dr. Mai Nguyen","role":"HOST",` +
	`"picture":"https://clinic.example/pictures/mai.png","state":"doctor-{n}",` +
	`"entry_url":"https://coviu.example/session/b7Qx9LmT2vKc4RzW8nYd-{n}",` +
	`"coviu_user_id":null,"deleted_at":null},` +
	`{"participant_id":"d82b4c7e-96f3-4a10-b5d8-{n}","session_id":"5f0c2b9a-71d4-4e3a-9c58-{n}",` +
	`"client_id":"9e4d1f6b-52c8-4a07-b3e9-7d8c2a1f6e05","display_name":"Jonas Okafor","role":"GUEST",` +
	`"picture":"https://clinic.example/pictures/jonas.png","state":"patient-{n}",` +
	`"entry_url":"https://coviu.example/session/h3Wk6PsE1yBn5TgV0jXa-{n}",` +
	`"coviu_user_id":null,"deleted_at":null}],` +
	`"feature_flags":["-plugin;whiteboard","customisation;disable-menu"],"canceled_time":null,"actual_end_time":null}`

var (
	sessionParts  = strings.Split(sessionTemplate, "{n}")
	sessionLength = len(appendSession(nil, 0))
)

func appendSession(dst []byte, number int) []byte {
	var digits [12]byte
	for i, rest := len(digits)-1, number; i >= 0; i, rest = i-1, rest/10 {
		digits[i] = byte('0' + rest%10)
	}
	for i, part := range sessionParts {
		if i > 0 {
			dst = append(dst, digits[:]...)
		}
		dst = append(dst, part...)
	}
	return dst
}

// appendPage appends one page of a list of total sessions.
func appendPage(dst []byte, page, size, total int) []byte {
	first := min(page*size, total)
	last := min(first+size, total)
	dst = append(dst, `{"content":[`...)
	for number := first; number < last; number++ {
		if number > first {
			dst = append(dst, ',')
		}
		dst = appendSession(dst, number)
	}
	dst = append(dst, `],"page":`...)
	dst = strconv.AppendInt(dst, int64(page), 10)
	dst = append(dst, `,"page_size":`...)
	dst = strconv.AppendInt(dst, int64(size), 10)
	dst = append(dst, `,"more":`...)
	dst = strconv.AppendBool(dst, last < total)
	return append(dst, '}')
}

// participantJSON is the first participant of session 1.
func participantJSON() string {
	session := string(appendSession(nil, 1))
	_, rest, _ := strings.Cut(session, `"participants":[`)
	participant, _, _ := strings.Cut(rest, "},")
	return participant + "}"
}

const (
	sessionID     = "5f0c2b9a-71d4-4e3a-9c58-000000000001"
	participantID = "a3d9e6f1-08b7-4c52-a1e4-000000000001"

	bookedName  = "Review after surgery"
	hostName    = "Dr. Mai Nguyen"
	guestName   = "Jonas Okafor"
	bookedState = "patient-000000000001"
)

var (
	bookedStart = time.Date(2031, 6, 8, 4, 0, 0, 0, time.UTC)
	bookedEnd   = bookedStart.Add(30 * time.Minute)
)

func refusalBody() string {
	return fmt.Sprintf(`{"error":{"code":404,"message":%q}}`, strings.Repeat("session not found ", 500))
}
