// Package coviutest is a Coviu server in memory, for tests of programs that book
// video calls: what httptest is to net/http. It keeps sessions and participants,
// knows the rules by which the service refuses, has a clock that tests can move,
// and fails on demand.
//
// # Testing a booking service
//
// Say that a clinic's program books calls like this:
//
//	type Clinic struct {
//		Coviu *coviu.Client
//	}
//
//	// Book books the call of an appointment and returns the patient's link.
//	func (c *Clinic) Book(ctx context.Context, appointment string, at time.Time) (string, error) {
//		call, err := c.Coviu.Sessions.CreateOnce(ctx, appointment, &coviu.SessionCreationRequest{
//			SessionName: "Consultation",
//			StartTime:   at,
//			EndTime:     at.Add(30 * time.Minute),
//			Participants: []coviu.ParticipantCreationRequest{
//				{Role: coviu.RoleGuest, State: appointment},
//				{Role: coviu.RoleHost},
//			},
//		})
//		if err != nil {
//			return "", err
//		}
//		return call.Participants[0].EntryURL, nil
//	}
//
// Then this is a test of the worst that can happen to it, a booking that was
// made although its reply was lost, and of what the patient gets:
//
//	func TestClinicBooksOnce(t *testing.T) {
//		server := coviutest.NewServer()
//		defer server.Close()
//		clinic := &Clinic{Coviu: server.Client(t)}
//
//		server.Fail("POST /sessions", coviutest.LoseReply())
//		link, err := clinic.Book(t.Context(), "appointment-7", server.Now().Add(time.Hour))
//		if err != nil {
//			t.Fatal(err)
//		}
//		if n := len(server.Sessions()); n != 1 {
//			t.Errorf("booked %d sessions, want 1", n)
//		}
//		if n := server.Count("POST /sessions"); n != 1 {
//			t.Errorf("sent %d bookings, want 1", n)
//		}
//
//		if _, _, err := server.Enter(link); !errors.Is(err, coviutest.ErrNotStarted) {
//			t.Errorf("an hour early: %v", err)
//		}
//		server.Advance(time.Hour)
//		session, patient, err := server.Enter(link)
//		if err != nil {
//			t.Fatal(err)
//		}
//		if session.SessionName != "Consultation" || patient.Role != coviu.RoleGuest {
//			t.Errorf("%s enters %q", patient.Role, session.SessionName)
//		}
//	}
//
// # Clock, bubbles
//
// [Server.Advance] moves the server's clock: sessions start, run and finish, and
// tokens expire, without anybody waiting. [WithClock] replaces the clock.
//
// Under [WithInMemory] clients reach the server over connections in memory, so
// that a whole test can run in a bubble of testing/synctest, where hours of
// back-off take no time and a goroutine that was left behind fails the test.
// Start and close the server inside of the bubble:
//
//	func TestClinicIsPatient(t *testing.T) {
//		synctest.Test(t, func(t *testing.T) {
//			server := coviutest.NewServer(coviutest.WithInMemory())
//			defer server.Close()
//			clinic := &Clinic{Coviu: server.Client(t)}
//
//			server.Fail("GET /sessions", coviutest.RateLimit(30*time.Second).Times(2))
//			_, err := clinic.Book(t.Context(), "appointment-7", time.Now().Add(time.Hour))
//			if err != nil {
//				t.Error(err) // never: a minute of back-off took no time
//			}
//		})
//	}
//
// # Faults
//
// [Server.Fail] arms faults for an operation, which is named by its route
// template; each strikes once, unless [Fault.Times] or [Fault.Always] says more:
//
//	server.Fail("POST /sessions", coviutest.LoseReply())
//	server.Fail("GET /sessions", coviutest.RateLimit(5*time.Second), coviutest.CutBody(100))
//	server.Fail("GET /sessions/{session_id}", coviutest.Unavailable().Times(2))
//	server.Fail("POST /auth/token", coviutest.RefuseRefresh())
//	server.Fail(coviutest.AnyOperation, coviutest.Hang().After(10))
//
// The operations are POST and GET /sessions; GET, PUT and DELETE
// /sessions/{session_id}; POST and GET /sessions/{session_id}/participants; GET,
// PUT and DELETE /participants/{participant_id}; and POST /auth/token.
// [Server.RevokeTokens] and [Server.RevokeRefreshTokens] take grants back.
//
// # Looking inside
//
// [Server.Requests] tells what was asked, [Server.Count] how often, and
// [Server.Sessions] what the server holds now. [Server.Seed] puts sessions there
// in any state; [Server.Snapshot] and [Server.Restore] start each row of a table
// test from the same place.
//
// # How it differs from the service
//
// The server follows the public documents of the service, and what the vendor's
// own JavaScript, PHP and Java clients were measured to need. Known from those
// are the routes, the models, the grants, the order of lists, the forms of dates,
// 401 for a GET of a canceled session, and the rules of the life cycle.
//
// Assumed, because no document says it:
//   - every call on a canceled session answers 401, and so does every call on one
//     of its participants; a removed participant is 404;
//   - canceling a session that has started, and removing a participant after the
//     end, answer 403; other broken rules answer 400;
//   - the participants of a finished session can still be changed, and a session
//     can be moved to a start in the past;
//   - a page size of zero or above 200, a parameter given twice, and an unknown
//     order or role answer 400;
//   - a list filtered by state looks at removed participants only under
//     deleted_participants=true;
//   - the consent page at {base}/auth/authorize, which the service documents
//     nowhere; codes live for ten minutes;
//   - refusals of the token endpoint have the form of RFC 6749.
//
// Not here: the call itself, rate limits, the vendor's web site, gzip, HTTP/2.
// Entry links lead to the server, where only [Server.Enter] and the emulator in
// this module's examples make sense of them.
package coviutest
