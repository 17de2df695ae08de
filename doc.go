// Package coviu is a client for the Coviu session API, version 1: it books,
// moves, lists and cancels video calls, and gives each person their entry link.
//
//	client, err := coviu.NewClient(apiKey, keySecret)
//	if err != nil {
//		return err
//	}
//	session, err := client.Sessions.CreateOnce(ctx, "appointment-4711", &coviu.SessionCreationRequest{
//		SessionName: "Consultation",
//		StartTime:   start,
//		EndTime:     start.Add(30 * time.Minute),
//		Participants: []coviu.ParticipantCreationRequest{
//			{DisplayName: "Dr. Ada Nwosu", Role: coviu.RoleHost},
//			{DisplayName: "Ben Okafor", Role: coviu.RoleGuest},
//		},
//	})
//
// A [Session] is one call with a start and an end. A [Participant] is one person
// in one session; their EntryURL lets whoever holds it into the call under their
// name. [Client.Sessions] and [Client.Participants] hold a method for each of the
// ten endpoints, and each method names its route.
//
// Make one [Client] and share it: it is safe for concurrent use and never
// changes. Every call takes a context, which bounds the call as a whole.
//
// # Authentication
//
// [NewClient] takes the API key and secret of an account. The first call fetches
// a grant; later ones share it. It is refreshed in the background from half of
// its lifetime on, by one request however many calls there are, and no call
// waits for it longer than its own context allows. A refused refresh turns into
// a new grant. A 401 ends the token that earned it, and the call is sent once
// more with another one.
//
// To act for a user who consented, hand the authorization code of the consent
// page to [Client.Exchange], and the grant to [Client.As], which gives a client
// that shares the connections; or start from a stored grant with [WithToken].
// Such a grant is refreshed with its refresh token only. Servers may replace
// that token each time, so store what [WithTokenObserver] shows: it sees every
// new grant before its first use. When a user's grant is dead, calls fail with
// [ErrReauthorize], and the user has to consent again.
//
// [WithTokenSource] takes tokens from elsewhere; key and secret may then be empty.
// Access tokens are opaque: nothing reads what is in them.
//
// # Booking once
//
// The service has no idempotency key. When the reply to a booking is lost, nobody
// knows whether the session exists, and sending the booking again may book it
// twice. So no method of this package ever repeats a POST that may have been
// carried out: [SessionService.Create] and [ParticipantService.Add] end with an
// [OutcomeUnknownError] instead.
//
// [SessionService.CreateOnce] finishes the job. It takes a key of the caller's,
// such as the id of the appointment, looks for a session that carries it, and
// books only if there is none. Calling it again with the same key, after a
// time-out, a crash or a restart, returns the session that is there. Its
// documentation names the two cases that only the service could rule out.
//
// How much that matters: combinations of faults, played in virtual time, that
// ended with more than one live session for the booking. They are chosen to hurt,
// so the shares are no probabilities. All doubles of CreateOnce are the two cases,
// and after each the next call returned [ErrDuplicate] with exactly these sessions.
//
//	what goes wrong                      schedules  blind retry  look, then post  CreateOnce
//	crashes and lost replies                   571       84.8 %            0.0 %       0.0 %
//	the same, two callers on one client      4,213       98.1 %           14.9 %       0.0 %
//	also carried out late                   17,539       99.6 %           59.8 %      24.3 %
//	also listed late                        44,792       98.7 %           70.5 %      46.4 %
//	also two processes                      60,402       99.8 %           73.0 %      58.4 %
//
// # Moving and canceling
//
// [SessionService.Update] changes what its request sets and leaves the rest:
// new(v) makes the pointer, and a pointer to "" empties a text.
// [SessionService.Delete] cancels a session for good, which is possible until it
// starts. The service hides a canceled session: asking for it is a 401,
// [ErrUnauthorized], and only a list with IncludeCanceled shows it.
//
// # Lists
//
// [SessionService.All] iterates over the sessions of a list and
// [SessionService.Pages] over its pages. Neither misses or repeats a session while
// others book and cancel, which page numbers alone do not give; Pages says
// exactly when that holds. Prefetch fetches pages ahead of the consumer.
//
// An iteration that fails yields a [ListError] once. To go on from there, in pages
// from the start of the list:
//
//	if stopped, ok := errors.AsType[*coviu.ListError](err); ok {
//		opts.Page, opts.PageSize = stopped.Page, stopped.PageSize
//	}
//
// Under StartTime, EndTime or State pages shift when a session leaves the list, so
// that going on at that page may skip sessions: Pages says what to do instead.
//
// [SessionService.List] reads a single page.
//
// # Errors
//
// Errors are typed, and each type says which sentinels it is, for [errors.Is]:
//
//   - [ValidationError]: bad input, found before anything was sent
//     ([ErrInvalidRequest]).
//   - [APIError]: the service refused ([ErrBadRequest], [ErrUnauthorized],
//     [ErrForbidden], [ErrNotFound], [ErrConflict], [ErrRateLimited],
//     [ErrServer]). A redirect is one too.
//   - [DecodeError]: a success that is not the promised model
//     ([ErrUnexpectedResponse]). Nothing half-read is ever returned.
//   - [TokenError]: no grant ([ErrAuthentication], [ErrReauthorize]).
//   - [OutcomeUnknownError]: the request may or may not have been carried out
//     ([ErrOutcomeUnknown], and whatever its cause is). Look before repeating it,
//     or book with CreateOnce, which does.
//   - [ListError]: where an iteration stopped.
//   - [KeyError]: CreateOnce may not use the session that has the key
//     ([ErrKeyConflict], [ErrPreviouslyCanceled], [ErrDuplicate]).
//
// A call that the caller ended is [context.Canceled] or
// [context.DeadlineExceeded], and [ErrOutcomeUnknown] besides if it was a POST
// that had been sent.
//
// # Retries and time-outs
//
//   - Attempts: three at most ([WithRetry]); RetryPolicy{MaxAttempts: 1} turns
//     retries off. The one replay after a 401 does not count.
//   - GET, PUT and DELETE are sent again after 408, 429, 500, 502, 503, 504, a lost
//     connection, an attempt that took too long, or a reply that was cut.
//   - POST is sent again only if the first try provably reached nobody, after a
//     429, and once after a 401.
//   - Waits: at random up to 100 ms, then 200 ms, and so on up to 20 s; ten times
//     that after a 429, but no more than 20 s either. Retry-After is the least that
//     is waited. If it is longer than 60 s, or a wait would outlast the context, the
//     call returns at once.
//   - Budget: when too many retries fail, a client stops retrying until calls
//     succeed again. Clients made with As share the budget.
//   - One attempt: 15 s, the body included ([WithAttemptTimeout]).
//   - Connecting: 5 s, and the TLS handshake another 5 s.
//   - Getting a grant: 15 s, the observer included.
//   - The call as a whole: the context's deadline; there is no other.
//   - Size: 8 MiB a reply ([WithMaxResponseSize]), 64 KiB of headers and of an
//     error's body.
//
// # What happens when
//
// Each line ends with the test that proves it; go test -run TestFault14 runs one.
//
// What you hand in:
//
//   - An id is empty, .., a/b, or holds a line break → [ValidationError] →
//     nothing is sent; no id leads to another route → TestFault01_EmptyID,
//     TestFault02
//   - The base URL is plain HTTP, or has user info; the secret holds a line
//     break → [NewClient] fails → no value is quoted in the error →
//     TestFault03_BaseURLThatGivesSecretsAway,
//     TestFault04_CredentialsThatBasicCantCarry
//   - The secret is s+e/c=r%t&#@:x, or not ASCII → it is sent as it is → it is
//     accepted → TestFault05_SecretsTravelRaw
//   - The context is over, or anything is nil → an error → nothing is sent,
//     nothing panics → TestFault06_NothingToWorkWith,
//     TestFault08_ClientThatWasNeverMade
//   - You change a request while its retry waits → each attempt sends the same
//     bytes → half a change is never booked →
//     TestFault07_RequestChangedWhileARetryWaits
//
// The connection:
//
//   - It is refused → 3 attempts, POST too; an unknown host: 1 → provably sent
//     to nobody → TestFault09_RefusedAndUnknownHost
//   - Dialling or the TLS handshake hangs → given up after 5 s, then tried again
//     → a POST is not in doubt → TestFault10_DialOrHandshakeHangs
//   - The certificate is wrong, or TLS is older than 1.2 → 1 attempt,
//     *tls.CertificateVerificationError in the chain → nothing is sent →
//     TestFault11_TLSThatDoesNotFit
//   - The deadline passes while waiting for a free connection →
//     [context.DeadlineExceeded] → a POST is not in doubt →
//     TestFault12_NoPooledConnectionInTime
//   - Your own transport does not report what it sends → a failed POST counts as
//     sent → it is never sent twice → TestFault13_TransportWithoutTraceEvents
//   - The connection dies after the request → GET, PUT, DELETE: again; POST:
//     [OutcomeUnknownError] → the service sees a POST once →
//     TestFault14_ConnectionEndsAfterTheRequest,
//     TestFault19_HTTP2StreamsThatMayHaveBeenCarriedOut
//   - The server closed an idle connection → GET: unnoticed → the service sees a
//     POST at most once → TestFault15_ReusedConnectionIsClosed
//   - No answer comes → the attempt ends after 15 s, then as above → no call
//     hangs → TestFault16_NoHeaders
//   - The headers are huge, endless or malformed → an error, then as above →
//     bounded memory → TestFault17_RepliesThatAreNoHTTP
//   - HTTP/2: the server goes away before it looked at the request → again, POST
//     too → carried out once → TestFault18_HTTP2StreamsThatWereNotCarriedOut
//
// The reply:
//
//   - A redirect, wherever it leads → not followed: [APIError]; on POST inside
//     an [OutcomeUnknownError] → token and secret go nowhere else →
//     TestFault20_RedirectsAreNotFollowed, TestFault21_NobodyElseIsAsked,
//     TestFault22_RedirectOfTheTokenEndpoint
//   - It is endless, huge, or a compression bomb → [DecodeError] at the limit →
//     memory stays within 3 times the limit → TestFault23_RepliesWithoutEnd
//   - It is cut anywhere, or trickles in → GET: again, then [DecodeError]; POST:
//     [OutcomeUnknownError] → never half a session →
//     TestFault24_BodyCutAtEveryByte, TestFault25_BodyThatDoesNotComeThrough
//   - A success without a session in it: empty, null, {} → [DecodeError] → never
//     a zero Session → TestFault26_NoModelWhereOneIsDue
//   - A deletion is answered with nothing; with "ok": false → success;
//     [APIError] → [UnitResponse.OK] is always true →
//     TestFault27_DeletionsWithoutABody, TestFault28_DeletionThatIsNotOK
//   - The HTML page of a proxy or captive portal → by its status: [APIError] or
//     [DecodeError] → no byte of it is in the error's text →
//     TestFault29_HTMLInPlaceOfAReply
//   - An error in any of nine forms, or none → Code and Message where there are
//     → the status decides what it is → TestFault30_ErrorBodies
//   - Garbage after the JSON, more than 64 levels of nesting, a wrong type → [DecodeError]
//     that names the field → its value is not quoted →
//     TestFault31_MoreThanOneShallowValue, TestFault32_OddFields
//   - New fields, new roles, other date forms, arrays for pages → kept in Extra;
//     kept; read; read → a newer server breaks nothing → TestFault32_OddFields,
//     TestFault33_Dates, TestFault34_PageNumbers,
//     TestFault35_ParticipantsInEveryShape
//
// Retries:
//
//   - 408, 429, 500, 502, 503, 504 on GET, PUT, DELETE → 3 attempts at most,
//     with growing random waits → no stampede → TestFault36_StatusesThatPass
//   - The same on POST → 429: again; the others: [OutcomeUnknownError] → never
//     booked twice → TestFault37_StatusesThatPassOnAPost
//   - Retry-After asks for a while; for an hour; for nonsense → waited for; the
//     call returns at once; ignored → no wait beyond 60 s or your deadline →
//     TestFault38_RetryAfter, TestFault39_WaitingIsFutile
//   - The service is down for everybody → the retry budget runs out → 10,000
//     calls cause at most 10,035 requests → TestFault40_RetriesHaveABudget
//   - All attempts fail → the last cause is in the chain → Attempts says how
//     many → TestFault41_AttemptsUsedUp
//   - You cancel during a wait or a reply → the call returns at once →
//     [context.Canceled] and the last cause are in the chain →
//     TestFault42_CallerGivesUp
//   - DELETE: the reply is lost, and the next try says 404 → success → a first
//     404 stays [ErrNotFound] → TestFault43_DeleteThatWasCarriedOutAlready
//
// Tokens:
//
//   - The token endpoint hangs → each call returns at its own deadline → one
//     token request for a thousand calls → TestFault44_TokenEndpointHangs,
//     TestFault45_WhoStartedTheRefreshGivesUp
//   - A 401 → one refresh, then the call once more → one refresh for a hundred
//     calls at once → TestFault46_Unauthorized
//   - A 401 for a canceled session, again and again → [ErrUnauthorized] → no
//     token request per call → TestFault47_CanceledSession
//   - A refresh is refused or fails → account: a new grant; user:
//     [ErrReauthorize] if the grant is dead, else the old token serves on → no
//     refresh token is used twice by a retry → TestFault48_RefreshFails
//   - A refresh brings another refresh token; your observer fails → the observer
//     sees it before its first use; the call fails → no grant is lost →
//     TestFault49_RotationAndTheObserver
//   - expires_in is missing, zero, text, or absurd → an hour; at most a day → a
//     401 corrects what was too long → TestFault50_LifetimesThatMakeNoSense
//   - Half of a token's life is over → one refresh in the background → no call
//     waits → TestFault51_HalfLifePassed
//   - The exchange of a code times out → [OutcomeUnknownError] → one request: a
//     code works once → TestFault52_CodeExchangeTimesOut
//   - The wall clock jumps by an hour → nothing → no storm of refreshes →
//     TestFault53_ClockJumps
//   - The first grant fails → the call fails; the next one asks again → no
//     failure is remembered → TestFault54_FailedFirstGrant
//
// Secrets:
//
//   - You print or log a model, an error, an option or a client → a description
//     → no secret, token, link, id, state or name in it → TestFault55
//
// Lists:
//
//   - Others book and cancel between two pages → All and Pages notice → each
//     session that was there all along, exactly once → TestFault56
//   - The list says that it goes on, and brings nothing new → [ListError] after
//     3 more requests → no endless loop → TestFault57
//   - A page fails; you break early; you range twice → [ListError] once; the
//     end; a full second run → no goroutine is left → TestFault58, TestFault59
//
// CreateOnce:
//
//   - The reply is lost, the booking is carried out late, or two callers use one
//     key → it looks for the session before it gives up → at most one live
//     session a key, but for the two cases that it documents → TestFault60
//   - The program crashes after booking, and runs again → it finds the session →
//     no second POST → TestFault61_CrashAfterPost
//   - The key stands for other times or people, a canceled session, or several →
//     [KeyError] that holds them → nothing is created → TestFault62
//
// Everything:
//
//   - Any of these fails → bodies are closed, timers stopped → no goroutine,
//     descriptor or timer is left → TestFault63_NothingIsLeftOpen
//   - A thousand callers meet any of these for minutes → all of the above → no
//     race, no leak; every POST is reported as what became of it →
//     TestFault64_Soak
//
// # Secrets and logging
//
// No error, log line or printed value of this package shows a secret, token,
// link, id, state or name. That holds for every verb for which fmt calls methods
// (so not %p, nor %w outside [fmt.Errorf]) and for log/slog, for values, pointers,
// slices and exported fields. It can't be kept for the unexported fields of a
// caller's struct, which fmt does not ask, nor for slices and structs in a JSON log
// handler, which uses [encoding/json.Marshal], and that keeps everything. A caller
// who prints session.SessionName prints the name.
//
// [WithLogger] writes one line at debug level for each attempt: operation,
// attempt, status, duration and bytes. [WithResponseHook] gets a [ResponseInfo]
// for each call, enough for rates, errors and durations. Neither can change the
// result of a call, not even with a panic.
//
// The bearer token only goes to the base URL's scheme, host and port. Redirects
// are not followed.
//
// # Testing
//
// Package coviutest is a Coviu server in memory that keeps the service's rules,
// fails on demand, and runs in the virtual time of [testing/synctest]:
//
//	server := coviutest.NewServer()
//	defer server.Close()
//	client := server.Client(t)
package coviu
