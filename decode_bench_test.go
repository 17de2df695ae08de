package coviu

import (
	"bytes"
	"encoding/json"
	"fmt"
	"runtime"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
)

// replySession returns a realistic session of 1.3 KB with two participants. IDs and
// links differ from session to session.
func replySession(i int) string {
	start := time.Date(2026, 3, 2, 9, 0, 0, 0, time.UTC).Add(time.Duration(i) * 30 * time.Minute)
	session := fmt.Sprintf("5f0f6c1e-0b1d-4e52-9c2a-%012x", i)
	participant := func(n int, name, role string) string {
		id := fmt.Sprintf("9a3d%04x-77aa-4b57-8f0e-%012x", n, i)
		return fmt.Sprintf(`{"participant_id":%q,"session_id":%q,"client_id":"1c9e6679-7425-40de-944b-e07fc1f90ae7",`+
			`"display_name":%q,"role":%q,"picture":"https://static.example.com/pictures/%d.png",`+
			`"state":"booking-%08d","entry_url":"https://api.coviu.com/v1/join/%x%x","deleted_at":null}`,
			id, session, name, role, n, i, id[:18], id[24:])
	}
	return fmt.Sprintf(`{"session_id":%q,"team_id":"c56a4180-65aa-42ec-a945-5fd21dec0538","client_id":"1c9e6679-7425-40de-944b-e07fc1f90ae7",`+
		`"session_name":"Consultation number %d with Dr. Albert Example","start_time":%q,"end_time":%q,`+
		`"picture":"https://static.example.com/sessions/%d.png","participants":[%s,%s],`+
		`"feature_flags":["-plugin;whiteboard","customisation;disable-menu"],"canceled_time":null}`,
		session, i, start.Format("2006-01-02T15:04:05.000Z"), start.Add(25*time.Minute).Format("2006-01-02T15:04:05.000Z"),
		i, participant(1, "Dr. Albert Example", "HOST"), participant(2, fmt.Sprintf("Patient Number %d", i), "GUEST"))
}

func replyPage(sessions int) []byte {
	var b bytes.Buffer
	b.WriteString(`{"content":[`)
	for i := range sessions {
		if i > 0 {
			b.WriteByte(',')
		}
		b.WriteString(replySession(i))
	}
	b.WriteString(`],"more":true,"page":0,"page_size":200,"page_count":5}`)
	return b.Bytes()
}

// The floor is plain structs, which a program without this package would use.
type (
	floorPage struct {
		Content []floorSession `json:"content"`
		More    bool           `json:"more"`
		Page    int            `json:"page"`
		Size    int            `json:"page_size"`
		Count   int            `json:"page_count"`
	}
	floorSession struct {
		SessionID     string             `json:"session_id"`
		TeamID        string             `json:"team_id"`
		ClientID      string             `json:"client_id"`
		SessionName   string             `json:"session_name"`
		StartTime     time.Time          `json:"start_time"`
		EndTime       time.Time          `json:"end_time"`
		Picture       string             `json:"picture"`
		Participants  []floorParticipant `json:"participants"`
		FeatureFlags  []string           `json:"feature_flags"`
		CanceledTime  *time.Time         `json:"canceled_time"`
		ActualEndTime *time.Time         `json:"actual_end_time"`
	}
	floorParticipant struct {
		ParticipantID string     `json:"participant_id"`
		SessionID     string     `json:"session_id"`
		ClientID      string     `json:"client_id"`
		DisplayName   string     `json:"display_name"`
		Role          string     `json:"role"`
		Picture       string     `json:"picture"`
		State         string     `json:"state"`
		EntryURL      string     `json:"entry_url"`
		DeletedAt     *time.Time `json:"deleted_at"`
		CoviuUserID   string     `json:"coviu_user_id"`
		UserHint      string     `json:"user_hint"`
		Phone         string     `json:"phone"`
		Fee           string     `json:"fee"`
	}
)

func BenchmarkDecodeSessionPage(b *testing.B) {
	body := replyPage(200)
	b.SetBytes(int64(len(body)))
	b.ReportAllocs()
	for b.Loop() {
		if _, err := decodeSessionPage(body); err != nil {
			b.Fatal(err)
		}
	}
}

func BenchmarkDecodeSessionPageFloor(b *testing.B) {
	body := replyPage(200)
	b.SetBytes(int64(len(body)))
	b.ReportAllocs()
	for b.Loop() {
		if err := json.Unmarshal(body, new(floorPage)); err != nil {
			b.Fatal(err)
		}
	}
}

func BenchmarkDecodeSession(b *testing.B) {
	body := []byte(replySession(1))
	b.SetBytes(int64(len(body)))
	b.ReportAllocs()
	for b.Loop() {
		if _, err := decodeSession(body); err != nil {
			b.Fatal(err)
		}
	}
}

func BenchmarkDecodeSessionFloor(b *testing.B) {
	body := []byte(replySession(1))
	b.SetBytes(int64(len(body)))
	b.ReportAllocs()
	for b.Loop() {
		if err := json.Unmarshal(body, new(floorSession)); err != nil {
			b.Fatal(err)
		}
	}
}

func BenchmarkUnmarshalSessionPage(b *testing.B) {
	body := replyPage(200)
	b.SetBytes(int64(len(body)))
	b.ReportAllocs()
	for b.Loop() {
		if err := json.Unmarshal(body, new(SessionPage)); err != nil {
			b.Fatal(err)
		}
	}
}

// Do not take the decoder from the pool, which drops items at random under the race
// detector.
func TestAPageCostsFewAllocationsAndBytesASession(t *testing.T) {
	const sessions, runs = 200, 20
	body := replyPage(sessions)
	d := new(decoder)
	read := func() {
		if decodeWith(d, body, true, new(SessionPage), (*decoder).sessionPage) != nil {
			t.Error("unread")
		}
		d.reset()
	}
	require.LessOrEqual(t, testing.AllocsPerRun(runs, read), 8.0*sessions)

	var before, after runtime.MemStats
	runtime.ReadMemStats(&before)
	for range runs {
		read()
	}
	runtime.ReadMemStats(&after)
	require.LessOrEqual(t, (after.TotalAlloc-before.TotalAlloc)/runs/sessions, uint64(1350))
}

// liveBytes collects garbage twice, because the contents of a pool survive once.
func liveBytes() int64 {
	var stats runtime.MemStats
	runtime.GC()
	runtime.GC()
	runtime.ReadMemStats(&stats)
	return int64(stats.HeapAlloc)
}

func TestKeepingOneSessionKeepsLittleOfItsPage(t *testing.T) {
	const pages, mostPinned = 200, 1600
	body := replyPage(pages)
	kept := make([]Session, pages)
	before := liveBytes()
	for i := range kept {
		page, err := decodeSessionPage(body)
		require.NoError(t, err)
		kept[i] = page.Content[i]
	}
	require.LessOrEqual(t, (liveBytes()-before)/pages, int64(mostPinned))
	runtime.KeepAlive(kept)
	runtime.KeepAlive(body)
}

func TestKeepingOneSessionKeepsNoOther(t *testing.T) {
	// The length is just below an allocation size, so that the first session's ID is
	// placed beside its name.
	const giant = 1<<20 - 100
	body := []byte(`{"content":[{"team_id":"t","client_id":"c","session_name":"` + strings.Repeat("n", giant) + `","session_id":"a"},` +
		`{"participants":[{"participant_id":"p","session_id":"a","client_id":"c"}],"session_id":"b","team_id":"t","client_id":"c"}]}`)
	before := liveBytes()
	page, err := decodeSessionPage(body)
	require.NoError(t, err)
	second := page.Content[1]
	page = nil
	require.Less(t, liveBytes()-before, int64(giant/2))
	require.Equal(t, "a", second.Participants[0].SessionID)
	runtime.KeepAlive(body)
}
