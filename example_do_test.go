package coviu_test

import (
	"bytes"
	"context"
	"fmt"
	"io"
	"net/http"
	"time"

	"github.com/coviu/coviu-go-sdk"
	"github.com/coviu/coviu-go-sdk/coviutest"
)

// connectTo starts a server that also answers the given path with body.
func connectTo(path, body string) (*coviu.Client, *coviutest.Server) {
	server := coviutest.NewServer(coviutest.WithMiddleware(func(api http.Handler) http.Handler {
		return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
			if r.Method == http.MethodGet && r.URL.Path == path {
				_, _ = io.WriteString(w, body)
				return
			}
			api.ServeHTTP(w, r)
		})
	}))
	client, err := coviu.NewClient(server.APIKey, server.KeySecret, coviu.WithBaseURL(server.URL))
	if err != nil {
		panic(err)
	}
	return client, server
}

// The team of the user who consented.
func ExampleClient_Do() {
	client, server := connectTo("/v1/user/team", `{"team_id":"t-1","name":"Clinic","subdomain":"clinic"}`)
	defer server.Close()
	defer client.CloseIdleConnections()
	ctx := context.Background()

	var team struct {
		TeamID    string `json:"team_id"`
		Name      string `json:"name"`
		Subdomain string `json:"subdomain"`
	}
	if err := client.Do(ctx, coviu.Call{Route: "GET /user/team", Into: &team}); err != nil {
		fmt.Println(err)
		return
	}
	fmt.Println(team.TeamID, team.Name, team.Subdomain)
	// Output: t-1 Clinic clinic
}

// The id is an argument, so that logs and errors show the route alone.
func ExampleClient_Do_summary() {
	client, server := connectTo("/v1/sessions/s-1/summary",
		`{"actual_end_time":"2026-03-02T15:27:00Z","participants":[{"role":"HOST","entry_time":"2026-03-02T14:58:00Z"}]}`)
	defer server.Close()
	defer client.CloseIdleConnections()
	ctx := context.Background()
	sessionID := "s-1"

	var summary struct {
		ActualEndTime *time.Time `json:"actual_end_time"`
		Participants  []struct {
			Role      coviu.Role `json:"role"`
			EntryTime *time.Time `json:"entry_time"`
		} `json:"participants"`
	}
	err := client.Do(ctx, coviu.Call{
		Route: "GET /sessions/{session_id}/summary",
		Args:  []string{sessionID},
		Into:  &summary,
	})
	if err != nil {
		fmt.Println(err)
		return
	}
	fmt.Println(summary.ActualEndTime.Format(time.Kitchen), len(summary.Participants))
	// Output: 3:27PM 1
}

// A file is copied as it arrives. After an error, discard what was written.
func ExampleClient_Do_file() {
	client, server := connectTo("/v1/collections/t-1/file/f-1", "a scan")
	defer server.Close()
	defer client.CloseIdleConnections()
	ctx := context.Background()

	var file bytes.Buffer
	err := client.Do(ctx, coviu.Call{
		Route: "GET /collections/{team_id}/file/{file_id}",
		Args:  []string{"t-1", "f-1"},
		Into:  &file,
	})
	fmt.Println(err, file.String())
	// Output: <nil> a scan
}
