// Package coviu is a client for the Coviu session API, version 1: it books,
// moves, lists and cancels video appointments, and gives each person their link.
//
//	client, err := coviu.NewClient(apiKey, keySecret)
//	if err != nil {
//		return err
//	}
//	session, err := client.Sessions.CreateOnce(ctx, "appointment-4711", &coviu.SessionCreationRequest{
//		SessionName: "Consultation",
//		StartTime:   appointment.Start,
//		EndTime:     appointment.Start.Add(30 * time.Minute),
//		Participants: []coviu.ParticipantCreationRequest{
//			{DisplayName: "Dr. Ada Nwosu", Role: coviu.RoleHost},
//			{DisplayName: "Ben Okafor", Role: coviu.RoleGuest},
//		},
//	})
//
// Make one [Client] and share it: it is safe for concurrent use. Every call takes
// a context, which bounds the call as a whole. [Client.Sessions] and
// [Client.Participants] have a method for each of the ten endpoints. [Client.Do]
// calls any other endpoint.
//
// # Booking once
//
// The service can't recognize a booking that is sent twice. So no method repeats a
// POST that may have been carried out. The call then fails with an
// [OutcomeUnknownError].
//
// [SessionService.CreateOnce] takes a key, such as the id of the appointment, and
// books only if no session has it. Call it again with the same key and request
// after a time-out, a crash or a restart. After a lost reply it looks for the
// session for up to 30 s. Give its context a deadline if a person waits: the next
// call continues the look. If the key belongs to another booking, the error is a
// [KeyError] that says what differs.
//
// # Moving and canceling
//
// [SessionService.Update] changes the fields that its request sets. new(v) makes a
// pointer; a pointer to "" clears a text. [SessionService.Delete] cancels a session
// that has not started. That can't be undone. The service then hides the session:
// calls about it fail with [ErrUnauthorized], and only a list with IncludeCanceled
// shows it.
//
// # Entry links
//
// [Participant.EntryURL] is a secret: whoever has it enters the call under that
// person's name. Find a person by [Session.WithRole] or [Session.WithState], never
// by an index into Participants.
//
// # Lists
//
// [SessionService.All] iterates over sessions and [SessionService.Pages] over
// pages. They miss and repeat nothing while others book and cancel, with the
// exceptions that Pages names. A failure is yielded once, as a [ListError] that
// says where to continue. [SessionService.List] reads one page.
//
// The service's documents disagree on whether EndTime bounds the start or the end
// of a session. To list a day, set EndTime to the end of the day plus the longest
// session, and compare StartTime yourself.
//
// # Users' accounts
//
// [NewClient] acts for the account of the API key. To act for a user who
// consented, pass the code of the consent page to [Client.Exchange], store the
// token, and make a client with [Client.AsStored]. After a restart, AsStored is
// all that is needed. When the user's consent has ended, calls fail with
// [ErrReauthorize]. [Client.As] keeps new tokens in memory only.
//
// # Several processes
//
// With a [TokenStore], processes share a user's token and refresh it once. With a
// [BookingLedger], they book at most one session for a key. Package coviusql
// implements both on PostgreSQL and SQLite; docs/several-processes.md says which
// of them a program needs.
//
// # Errors
//
// With [errors.Is], each type of error matches one or more of the Err variables.
// Test for [ErrOutcomeUnknown] first: such an error also matches its cause, for
// example [ErrServer].
//
//   - [ValidationError]: bad input, nothing was sent.
//   - [APIError]: the service refused.
//   - [DecodeError]: the service reported success, with an unexpected body.
//   - [TokenError]: the token endpoint gave no token.
//   - [OutcomeUnknownError]: look before you repeat the call.
//   - [ListError], [KeyError]: see above.
//
// # Retries and time-outs
//
// GET, PUT and DELETE are sent up to three times, after 408, 429, 500, 502, 503,
// 504, a lost connection or a cut reply. A POST is sent again only if the first one
// was provably not carried out, after a 429, and once after a 401. The client waits
// as long as Retry-After asks. If that is more than 60 s, or ends after the context's
// deadline, the call returns at once. One attempt may take 15 s. See [WithRetry] and
// [WithAttemptTimeout]. docs/faults.md lists every failure with its tests.
//
// Requests go through the proxy that the variables HTTPS_PROXY, HTTP_PROXY and
// NO_PROXY name, unless [WithHTTPClient] sets a transport. No key or address is
// read from the environment.
//
// # Secrets and logging
//
// No error, log line or printed value of this package shows a secret, token, link,
// id, state or name. Three things are not covered: fields that a program prints
// itself, values in unexported fields of its structs, and slices and structs in a
// JSON log handler. [WithLogger] writes a line for each request, [WithResponseHook] is
// called for each call, and [WithMiddleware] wraps the transport. Requests for
// tokens appear as POST /auth/token.
//
// # Testing
//
// Package coviutest is a Coviu server in memory. It keeps the service's rules,
// fails on demand, and runs in the virtual time of [testing/synctest].
package coviu
