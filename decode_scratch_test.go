package coviu

import (
	"bytes"
	"encoding/json"
	"reflect"
	"strconv"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
)

// maxScratch is how many items of a list are read into scratch memory.
const maxScratch = 256

func TestTheScratchOfALargeReplyIsNotKept(t *testing.T) {
	keptAfter := func(text []byte) (*decoder, int) {
		d := new(decoder)
		if bytes.HasPrefix(text, []byte(`{"content"`)) {
			require.NoError(t, decodeWith(d, text, true, new(SessionPage), (*decoder).sessionPage))
		} else {
			require.NoError(t, decodeWith(d, text, true, new(Session), (*decoder).session))
		}
		d.reset()
		return d, 200*cap(d.sessions) + 208*cap(d.participants) + 16*cap(d.flags) +
			reflect.ValueOf(&d.Reader).Elem().FieldByName("scratch").Cap()
	}
	ordinary, _ := keptAfter(replyPage(200))
	require.GreaterOrEqual(t, cap(ordinary.sessions), 200)

	for _, text := range []string{
		string(replyPage(2000)),
		`{"session_id":"s","feature_flags":[` + strings.Repeat(`"",`, 10_000) + `""]}`,
		`{"session_id":"s","participants":[` + strings.Repeat(`{"participant_id":"p"},`, 3000) + `{"participant_id":"p"}]}`,
		`{"session_id":"s","x":"` + strings.Repeat("x", 500_000) + `"}`,
		`{"session_id":"s","participants":[{"participant_id":"p","role":"` + strings.Repeat("x", 500_000) + `"}]}`,
	} {
		_, kept := keptAfter([]byte(text))
		require.Less(t, kept, 192<<10)
	}
}

func TestALongListIsDecodedLikeAShortOne(t *testing.T) {
	for _, n := range []int{0, 1, 15, 16, 17, maxScratch - 1, maxScratch, maxScratch + 1, 5 * maxScratch} {
		want := Session{SessionID: "s"}
		for i := range n {
			id := strconv.Itoa(i)
			want.FeatureFlags = append(want.FeatureFlags, id)
			want.Participants = append(want.Participants, Participant{ParticipantID: id})
		}
		text, err := json.Marshal(want)
		require.NoError(t, err)
		for range 2 {
			got, err := decodeSession(text)
			require.NoError(t, err)
			require.Equal(t, want, *got)
			require.Equal(t, n, cap(got.Participants), "no more memory than items")
		}
	}
}

func TestUnmarshalHasNoMemoryLimit(t *testing.T) {
	var session Session
	for range 100_000 {
		session.FeatureFlags = append(session.FeatureFlags, "")
	}
	text, err := json.Marshal(session)
	require.NoError(t, err)
	var again Session
	require.NoError(t, json.Unmarshal(text, &again), "what was marshalled can be read back, whatever it costs")
	require.Equal(t, session, again)
}

func TestScratchKeepsNothingOfAReply(t *testing.T) {
	d := new(decoder)
	require.NoError(t, decodeWith(d, replyPage(3), true, new(SessionPage), (*decoder).sessionPage))
	require.Error(t, decodeWith(d, []byte(`{"content":[{"session_id":"s","participants":[{"participant_id":"p","role":7}]}]}`), true, new(SessionPage), (*decoder).sessionPage))
	require.NoError(t, decodeWith(d, replyPage(2*maxScratch), true, new(SessionPage), (*decoder).sessionPage))
	require.Error(t, decodeWith(d, append(replyPage(2*maxScratch), '!'), true, new(SessionPage), (*decoder).sessionPage))
	d.reset()
	for _, s := range d.sessions[:cap(d.sessions)] {
		require.Zero(t, s)
	}
	for _, p := range d.participants[:cap(d.participants)] {
		require.Zero(t, p)
	}
	for _, flag := range d.flags[:cap(d.flags)] {
		require.Empty(t, flag)
	}
}
