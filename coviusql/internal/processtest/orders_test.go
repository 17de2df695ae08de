package processtest

import (
	"bufio"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"sync"
	"time"

	"github.com/coviu/coviu-go-sdk"
)

// worker is what runs in another process.
type worker struct {
	role
	client *coviu.Client

	writing sync.Mutex
}

// serveOrders is the main function of another process.
func serveOrders(text string) {
	w := &worker{}
	err := json.Unmarshal([]byte(text), &w.role)
	if err == nil {
		w.client, err = w.newClient(context.Background())
	}
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
	fmt.Println("ready")
	lines := bufio.NewScanner(os.Stdin)
	for lines.Scan() {
		var o order
		if err := json.Unmarshal(lines.Bytes(), &o); err != nil {
			fmt.Fprintln(os.Stderr, err)
			os.Exit(1)
		}
		go w.report(o)
	}
}

func (r *role) newClient(ctx context.Context) (*coviu.Client, error) {
	db, err := r.Database.open(r.Connections)
	if err != nil {
		return nil, err
	}
	store, err := r.Database.store(ctx, db, r.Timing)
	if err != nil {
		return nil, err
	}
	opts := []coviu.Option{coviu.WithBaseURL(r.Service), coviu.WithUserAgent(r.Name)}
	if r.Ledger {
		opts = append(opts, coviu.WithBookingLedger(store.Ledger()))
	}
	client, err := coviu.NewClient(r.APIKey, r.KeySecret, opts...)
	switch {
	case err != nil:
		return nil, err
	case r.Stored:
		return client.AsStored(store.Token("user"))
	case r.Token != nil:
		return client.As(r.Token)
	}
	return client, nil
}

func (w *worker) report(o order) {
	r := w.carryOut(o)
	r.ID = o.ID
	line, err := json.Marshal(r)
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
	w.writing.Lock()
	defer w.writing.Unlock()
	fmt.Println(string(line))
}

func (w *worker) carryOut(o order) (r result) {
	switch o.Do {
	case "list":
		ctx, cancel := context.WithTimeout(context.Background(), o.Timeout)
		defer cancel()
		r.fill(w.list(ctx))
	case "list for a while":
		r = w.listFor(o.Timeout)
	case "book":
		ctx, cancel := context.WithTimeout(context.Background(), o.Timeout)
		defer cancel()
		session, err := w.client.Sessions.CreateOnce(ctx, o.Key, w.booking())
		if session != nil {
			r.Session = session.SessionID
		}
		r.fill(err)
	}
	return r
}

// listFor is steady traffic. A user who is locked out stays so, and each of the
// calls counts.
func (w *worker) listFor(d time.Duration) (r result) {
	ticker := time.NewTicker(50 * time.Millisecond)
	defer ticker.Stop()
	for end := time.Now().Add(d); time.Now().Before(end); <-ticker.C {
		r.Calls++
		if err := w.list(context.Background()); err != nil {
			r.Failed++
			r.fill(err)
		}
	}
	return r
}

func (w *worker) list(ctx context.Context) error {
	_, err := w.client.Sessions.List(ctx, &coviu.SessionListOptions{PageSize: 1})
	return err
}

func (r *role) booking() *coviu.SessionCreationRequest {
	return &coviu.SessionCreationRequest{
		SessionName: "Consultation",
		StartTime:   r.Start,
		EndTime:     r.Start.Add(30 * time.Minute),
		// The key goes to the guest.
		Participants: []coviu.ParticipantCreationRequest{{Role: coviu.RoleGuest}, {Role: coviu.RoleHost}},
	}
}

// fill describes err.
func (r *result) fill(err error) {
	if err == nil {
		return
	}
	r.Text = err.Error()
	r.Errors = []string{"an error"}
	for name, target := range map[string]error{
		"reauthorize":     coviu.ErrReauthorize,
		"outcome unknown": coviu.ErrOutcomeUnknown,
		"duplicate":       coviu.ErrDuplicate,
		"key conflict":    coviu.ErrKeyConflict,
		"deadline":        context.DeadlineExceeded,
	} {
		if errors.Is(err, target) {
			r.Errors = append(r.Errors, name)
		}
	}
}
