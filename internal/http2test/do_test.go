package http2test

import (
	"context"
	"fmt"
	"io"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/coviu/coviu-go-sdk"
)

// doCalls are calls without a typed method. Those without a body are the ones that
// net/http repeats most readily.
func doCalls() []call {
	do := func(name, reply string, endpoint coviu.Call) call {
		decoded := endpoint.Into == nil && !strings.HasPrefix(name, "DELETE")
		return call{"Do " + name, reply, strings.HasPrefix(name, "POST"), endpoint.Body != nil, maxAttempts, func(ctx context.Context, c *coviu.Client) error {
			endpoint := endpoint
			if decoded {
				endpoint.Into = new(map[string]any) // the cases run side by side
			}
			return c.Do(ctx, endpoint)
		}}
	}
	return []call{
		do("GET", session, coviu.Call{Route: "GET /user/team"}),
		do("GET to a writer", session, coviu.Call{Route: "GET /user/team", Into: io.Discard}),
		do("PUT without a body", session, coviu.Call{Route: "PUT /user/team"}),
		do("DELETE", `{"ok":true}`, coviu.Call{Route: "DELETE /user/team"}),
		do("POST without a body", session, coviu.Call{Route: "POST /user/team"}),
		do("POST without a body to a writer", session, coviu.Call{Route: "POST /user/team", Into: io.Discard}),
		do("POST", session, coviu.Call{Route: "POST /user/team", Body: 1}),
	}
}

func TestFault77_DoIsCountedAtTheServer(t *testing.T) {
	t.Parallel()
	requestFaults := func(protocol protocol) []fault {
		faults := []fault{{kind: closed, moment: afterBody}, {kind: aborted, moment: afterBody}, {kind: closed, moment: afterReplyHeaders}}
		if protocol == http1 {
			return faults
		}
		return append(faults,
			fault{reset, protocolError, afterBody}, fault{reset, protocolError, afterReplyHeaders},
			fault{reset, refusedStream, afterBody}, fault{goAwayBelow, noError, afterBody},
			fault{goAwayAt, protocolError, afterBody}, fault{goAwayAbove, noError, afterBody})
	}
	for _, tr := range []transport{ownHTTP1, ownHTTP2, callerHTTP1, callerHTTP2} {
		for _, f := range requestFaults(tr.speaks) {
			for _, c := range doCalls() {
				for often, times := range map[string]int{"once": 1, "for ever": f.endless()} {
					if f.notCarriedOut() && often == "for ever" {
						continue // with row 18, for the typed methods
					}
					t.Run(fmt.Sprintf("%s/%s %s/%s", tr.name, f, often, c.name), func(t *testing.T) {
						t.Parallel()
						n, err := perform(t, tr, c, f, times)
						if f.notCarriedOut() {
							if tr.own {
								require.NoError(t, err)
							}
							return
						}
						requireAsAfterALostReply(t, tr, c, f, often == "for ever", n, err)
					})
				}
			}
		}
	}
}
