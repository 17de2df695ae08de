// Package coviutest is a Coviu server in memory, for tests of programs that book
// video calls: what httptest is to net/http. It keeps sessions and participants,
// refuses what the service refuses, has a clock that tests can move, and fails on
// demand.
//
// # Testing a booking service
//
// A clinic's program books calls like this:
//
//	type Clinic struct {
//		Coviu *coviu.Client
//	}
//
//	// Book books the call of an appointment and returns the patient's link.
//	func (c *Clinic) Book(ctx context.Context, appointment string, at time.Time) (string, error) {
//		call, err := c.Coviu.Sessions.CreateOnce(ctx, appointment, &coviu.SessionCreationRequest{
//			SessionName:  "Consultation",
//			StartTime:    at,
//			EndTime:      at.Add(30 * time.Minute),
//			Participants: []coviu.ParticipantCreationRequest{{Role: coviu.RoleHost}, {Role: coviu.RoleGuest}},
//		})
//		if err != nil {
//			return "", err
//		}
//		patients := call.WithRole(coviu.RoleGuest)
//		if len(patients) != 1 {
//			return "", errors.New("the call does not have one patient")
//		}
//		return patients[0].EntryURL, nil
//	}
//
// This test loses the reply to the booking, and checks that the call was booked
// once and that the patient can enter it:
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
//		server.Advance(time.Hour)
//		_, patient, err := server.Enter(link)
//		if err != nil || patient.Role != coviu.RoleGuest {
//			t.Errorf("%s can't enter: %v", patient.Role, err)
//		}
//	}
//
// # Time
//
// [Server.Advance] moves the server's clock: sessions start and finish and tokens
// expire without waiting. With [WithInMemory], a test can run in a bubble of
// testing/synctest, where back-off takes no time. Start and close the server in
// the bubble.
//
// # Faults and counts
//
// [Server.Fail] makes an operation fail, once unless [Fault.Times] or
// [Fault.Always] says more. [Operations] lists the names:
//
//	server.Fail("GET /sessions", coviutest.RateLimit(5*time.Second), coviutest.CutBody(100))
//	server.Fail("GET /sessions/{session_id}", coviutest.Unavailable().Times(2))
//	server.Fail("POST /auth/token", coviutest.RefuseRefresh())
//	server.Fail(coviutest.AnyOperation, coviutest.Hang().After(10))
//
// [Server.Requests] and [Server.Count] tell what was asked, [Server.Results] what
// was carried out, [Server.Sessions] what the server holds. [Server.Seed] adds
// sessions in any state.
//
// # What is known of the service
//
// Known from its documents and from running the vendor's own clients against
// this server: the routes, models and grants, the order of lists, the forms of
// dates, entry links, 401 for a GET of a canceled session, the life cycle.
//
// Assumed, because no document says it:
//   - every call on a canceled session or its participants answers 401; a removed
//     participant is 404;
//   - canceling a started session, and removing a participant after the end,
//     answer 403; other broken rules answer 400;
//   - participants of a finished session can be changed, and a session can be
//     moved to a start in the past;
//   - a page size of zero or above 200, a parameter given twice, and an unknown
//     order or role answer 400;
//   - a list filtered by state looks at removed participants only with
//     deleted_participants=true;
//   - the consent page at {base}/auth/authorize; codes live for ten minutes;
//   - refusals of the token endpoint have the form of RFC 6749;
//   - a used refresh token is dead at once ([WithRefreshGrace],
//     [WithReuseDetection], [WithLastingRefreshTokens]);
//   - page_count is the number of pages ([WithPageCount]).
//
// Contradicted, where the documents disagree:
//   - end_time of a list ([WithEndTimeByEnd]), page_size ([WithPageSizeOfContent]),
//     the form of dates ([WithDates]), participants as array or page
//     ([WithParticipantPages]), required fields ([WithStrict]);
//   - order=backwards stands in one document, and reverse in the others. The
//     server refuses backwards and says so.
//
// Served without any real reply to compare with: GET /user/team and
// GET /sessions/{session_id}/summary, without its bandwidth.
//
// Absent: GET /waiting/{teamId} with /queue/{id} and /calls/{callId};
// GET /collections/{teamId} with /collection/{id}, /submission/{id}, /file/{id}
// and /recording/{id}; webhooks; the call itself; limits on the length of a call
// (12 hours) and on its participants (5); rate limits; gzip; HTTP/2.
package coviutest
