// Package tokenendpoint knows the format of an OAuth 2 token endpoint: the
// requests that it takes, and the replies that servers really send.
//
// golang.org/x/oauth2 cannot be used for this. It escapes the credentials before
// it puts them into the Basic header, wants a JSON media type, and fails on some
// forms of expires_in.
package tokenendpoint

import (
	"encoding/base64"
	"encoding/json"
	"strconv"
	"strings"
	"time"

	"golang.org/x/oauth2"
)

const (
	defaultLifetime = time.Hour
	maxLifetime     = 24 * time.Hour
)

// Basic returns the Authorization header of key and secret, which are not
// escaped.
func Basic(key, secret string) string {
	return "Basic " + base64.StdEncoding.EncodeToString([]byte(key+":"+secret))
}

// Parse reads the reply to a token request, whatever media type it has, and the
// lifetime of the token. It reports false if the reply holds no usable token.
func Parse(body []byte) (token oauth2.Token, lifetime time.Duration, ok bool) {
	var reply struct {
		AccessToken  string          `json:"access_token"`
		RefreshToken string          `json:"refresh_token"`
		TokenType    string          `json:"token_type"`
		Scope        any             `json:"scope"`
		ExpiresIn    json.RawMessage `json:"expires_in"`
	}
	if json.Unmarshal(body, &reply) != nil || reply.AccessToken == "" || !Sendable(reply.AccessToken) {
		return oauth2.Token{}, 0, false
	}
	if reply.TokenType == "" {
		reply.TokenType = "Bearer"
	}
	lifetime = parseLifetime(reply.ExpiresIn)
	token = oauth2.Token{
		AccessToken:  reply.AccessToken,
		RefreshToken: reply.RefreshToken,
		TokenType:    reply.TokenType,
		Expiry:       time.Now().Add(lifetime),
		ExpiresIn:    int64(lifetime / time.Second),
	}
	if reply.Scope != nil {
		token = *token.WithExtra(map[string]any{"scope": reply.Scope})
	}
	return token, lifetime, true
}

// parseLifetime reads expires_in, in seconds. Servers leave it out, send zero, a
// negative number, a string, or far too much. A lifetime that is too long is
// corrected by the first 401.
func parseLifetime(raw json.RawMessage) time.Duration {
	text := string(raw)
	var quoted string
	if json.Unmarshal(raw, &quoted) == nil {
		text = quoted
	}
	seconds, err := strconv.ParseFloat(text, 64)
	switch {
	case err != nil, !(seconds > 0): // NaN too
		return defaultLifetime
	case seconds >= maxLifetime.Seconds():
		return maxLifetime
	}
	return max(time.Second, time.Duration(seconds*float64(time.Second)))
}

// Sendable reports whether token can be sent in a header.
func Sendable(token string) bool {
	return !strings.ContainsFunc(token, func(r rune) bool { return r <= ' ' || r >= 0x7f })
}
