package coviutest

import (
	"encoding/base64"
	"encoding/json"
	"net/http"
	"net/url"
	"strings"
	"time"
)

const (
	grantClientCredentials = "client_credentials"
	grantRefreshToken      = "refresh_token"
	grantAuthorizationCode = "authorization_code"
	grantPassword          = "password"
)

func grantType(form []byte) string {
	values, err := url.ParseQuery(string(form))
	if err != nil {
		return ""
	}
	return values.Get("grant_type")
}

// issueToken answers POST /auth/token.
func (s *Server) issueToken(c *call) reply {
	form, err := url.ParseQuery(string(c.body))
	if err != nil {
		return tokenRefusal(http.StatusBadRequest, "invalid_request", "the body is no form")
	}
	key := s.accounts.basic(c.header)
	if key == nil {
		rep := tokenRefusal(http.StatusUnauthorized, "invalid_client", "unknown API key or wrong secret")
		rep.header.Set("WWW-Authenticate", `Basic realm="coviu"`)
		return rep
	}
	switch form.Get("grant_type") {
	case "":
		return tokenRefusal(http.StatusBadRequest, "invalid_request", "grant_type is missing")
	case grantClientCredentials:
		return s.grantTo(key, key.user, c.now, true)
	case grantRefreshToken:
		return s.refreshGrant(key, form.Get("refresh_token"), c.now)
	case grantAuthorizationCode:
		return s.exchangeCode(key, form.Get("code"), c.now)
	case grantPassword:
		return s.login(key, form.Get("username"), form.Get("password"), c.now)
	}
	return tokenRefusal(http.StatusBadRequest, "unsupported_grant_type", "no such grant_type")
}

// basic takes the credentials as they are: no vendor client form-escapes them
// before it encodes them.
func (a *accounts) basic(h http.Header) *apiKey {
	const scheme = "basic "
	value := h.Get("Authorization")
	if len(value) < len(scheme) || !strings.EqualFold(value[:len(scheme)], scheme) {
		return nil
	}
	raw, err := base64.StdEncoding.DecodeString(value[len(scheme):])
	if err != nil {
		return nil
	}
	name, secret, _ := strings.Cut(string(raw), ":")
	if key := a.keys[name]; key != nil && key.secret == secret {
		return key
	}
	return nil
}

func (s *Server) refreshGrant(key *apiKey, token string, now time.Time) reply {
	old := s.accounts.refresh[token]
	if old == nil || old.key != key {
		return invalidGrant("unknown or used refresh token")
	}
	if s.settings.keepRefreshTokens {
		return s.grantTo(key, old.user, now, false)
	}
	delete(s.accounts.refresh, token)
	return s.grantTo(key, old.user, now, true)
}

func (s *Server) exchangeCode(key *apiKey, code string, now time.Time) reply {
	given := s.accounts.codes[code]
	if given == nil || given.apiKey != "" && given.apiKey != key.apiKey {
		return invalidGrant("unknown or used code")
	}
	delete(s.accounts.codes, code)
	if !now.Before(given.expires) {
		return invalidGrant("the code has expired")
	}
	return s.grantTo(key, given.user, now, true)
}

func (s *Server) login(key *apiKey, username, password string, now time.Time) reply {
	for _, user := range s.accounts.users {
		if username != "" && user.Username == username && user.Password == password {
			return s.grantTo(key, user, now, true)
		}
	}
	return invalidGrant("unknown user or wrong password")
}

func (s *Server) grantTo(key *apiKey, user *account, now time.Time, refreshable bool) reply {
	g := &grant{key: key, user: user, expires: now.Add(s.settings.tokenTTL)}
	answer := struct {
		AccessToken  string `json:"access_token"`
		RefreshToken string `json:"refresh_token,omitempty"`
		ExpiresIn    int64  `json:"expires_in"`
		TokenType    string `json:"token_type"`
		Scope        string `json:"scope"`
	}{
		AccessToken: s.accounts.newAccessToken(g, now),
		ExpiresIn:   int64(s.settings.tokenTTL / time.Second),
		TokenType:   "Bearer",
		Scope:       "sessions",
	}
	if refreshable {
		answer.RefreshToken = newSecret()
		s.accounts.refresh[answer.RefreshToken] = g
	}
	body, _ := json.Marshal(answer)
	return reply{status: http.StatusOK, header: noStore(), body: body}
}

func invalidGrant(description string) reply {
	return tokenRefusal(http.StatusBadRequest, "invalid_grant", description)
}

// tokenRefusal is the form that RFC 6749 prescribes, which is one of those that
// the service uses.
func tokenRefusal(status int, code, description string) reply {
	body, _ := json.Marshal(map[string]string{"error": code, "error_description": description})
	return reply{status: status, header: noStore(), body: body}
}

func noStore() http.Header { return http.Header{"Cache-Control": {"no-store"}} }
