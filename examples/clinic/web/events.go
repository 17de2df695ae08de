package web

import (
	"fmt"
	"net/http"
	"time"
)

const keepAlive = 20 * time.Second

// events streams the ids of appointments that change. The page then asks for what
// it shows.
func (s *server) events(w http.ResponseWriter, r *http.Request) { s.stream(w, r, "") }

// stream sends events as long as the page is open, for one appointment alone if id
// is not empty. When it ends, the page connects again and asks for everything.
func (s *server) stream(w http.ResponseWriter, r *http.Request, id string) {
	changed, cancel := s.Replica.Feed.Subscribe()
	defer cancel()
	flusher := http.NewResponseController(w)
	w.Header().Set("Content-Type", "text/event-stream")
	ticker := time.NewTicker(keepAlive)
	defer ticker.Stop()
	send := func(line string) bool {
		_, err := fmt.Fprint(w, line, "\n\n")
		return err == nil && flusher.Flush() == nil
	}
	ok := send("retry: 1000")
	for ok {
		select {
		case c, open := <-changed:
			switch {
			case !open:
				return
			case id == "":
				ok = send("data: " + c)
			case c == id:
				ok = send("data: changed")
			}
		case <-ticker.C:
			ok = send(": still here")
		case <-r.Context().Done():
			return
		case <-s.closing.Done():
			return
		}
	}
}
