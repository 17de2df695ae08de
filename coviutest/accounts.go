package coviutest

import (
	"crypto/hmac"
	"crypto/sha256"
	"encoding/base64"
	"encoding/json"
	"fmt"
	"io"
	"log/slog"
	"maps"
	"time"
)

// Credentials are an API key, its secret and its team. Printing them shows no
// field.
type Credentials struct {
	// APIKey names the account.
	APIKey string
	// KeySecret is the password of the key.
	KeySecret string
	// TeamID names the team whose sessions the key can see.
	TeamID string
}

// Format prints no credential under any verb.
func (Credentials) Format(f fmt.State, _ rune) { _, _ = io.WriteString(f, "coviutest.Credentials") }

// LogValue shows no credential in a structured log.
func (Credentials) LogValue() slog.Value { return slog.StringValue("coviutest.Credentials") }

// User is a person with a Coviu account. A user can consent, which gives a
// program an authorization code, and in old clients log in with a password.
// Printing a User shows no field.
type User struct {
	// UserID names the user. [Server.AddUser] makes one if it is empty.
	UserID string
	// TeamID names the user's team; empty is the server's own.
	TeamID string
	// Username is the login name in old clients.
	Username string
	// Password is the password in old clients.
	Password string
}

// Format prints no field under any verb.
func (User) Format(f fmt.State, _ rune) { _, _ = io.WriteString(f, "coviutest.User") }

// LogValue shows no field in a structured log.
func (User) LogValue() slog.Value { return slog.StringValue("coviutest.User") }

// NewKey makes another API key. Keys of one team see the same sessions, and none
// of another team. An empty teamID is the server's own team. An unknown one makes
// a new team.
func (s *Server) NewKey(teamID string) Credentials {
	s.mu.Lock()
	defer s.mu.Unlock()
	t := s.teamOrOwn(teamID)
	k := s.accounts.addKey(newID(), newSecret(), t)
	return Credentials{APIKey: k.apiKey, KeySecret: k.secret, TeamID: t.id}
}

// AddUser adds a user and returns it with its UserID and TeamID filled in. It
// replaces a user with the same UserID.
func (s *Server) AddUser(u User) User {
	s.mu.Lock()
	defer s.mu.Unlock()
	if u.UserID == "" {
		u.UserID = newID()
	}
	t := s.teamOrOwn(u.TeamID)
	u.TeamID = t.id
	s.accounts.users[u.UserID] = &account{User: u, team: t}
	return u
}

// AuthorizationCode returns an authorization code, as if the user had consented.
// Any API key can exchange it once, within ten minutes by the server's clock. An
// empty userID is the owner of the server's own API key. An unknown one panics.
func (s *Server) AuthorizationCode(userID string) string {
	now := s.Now()
	s.mu.Lock()
	defer s.mu.Unlock()
	user := s.accounts.keys[s.APIKey].user
	if userID != "" {
		if user = s.accounts.users[userID]; user == nil {
			panic("coviutest: AuthorizationCode: no such user")
		}
	}
	return s.accounts.newCode(user, "", now)
}

// RevokeTokens makes all access tokens invalid that were issued so far: calls
// with them are answered with 401. Refresh tokens stay valid.
func (s *Server) RevokeTokens() {
	s.mu.Lock()
	defer s.mu.Unlock()
	clear(s.accounts.access)
}

// RevokeRefreshTokens makes all refresh tokens invalid that were issued so far: a
// refresh is answered with invalid_grant, as after a user has withdrawn consent.
// Access tokens stay valid until they expire.
func (s *Server) RevokeRefreshTokens() {
	s.mu.Lock()
	defer s.mu.Unlock()
	clear(s.accounts.refresh)
}

func (s *Server) teamOrOwn(id string) *team {
	if id == "" {
		return s.accounts.keys[s.APIKey].user.team
	}
	return s.store.team(id)
}

// accounts holds API keys, users, tokens and authorization codes.
type accounts struct {
	keys    map[string]*apiKey
	users   map[string]*account
	access  map[string]*grant
	refresh map[string]*refreshToken
	codes   map[string]*consent
	sweepAt int
	signing string
}

type apiKey struct {
	apiKey, secret string
	clientID       string
	user           *account // who acts under client_credentials
}

type account struct {
	User
	team *team
}

// grant is what an access token stands for.
type grant struct {
	key     *apiKey
	user    *account
	family  *family
	expires time.Time
}

type refreshToken struct {
	grant  *grant
	used   bool
	usedAt time.Time
}

// family is what the tokens have in common that come from one authorization,
// through any number of refreshes.
type family struct {
	revoked bool
}

type consent struct {
	user    *account
	apiKey  string // empty: any key may exchange it
	expires time.Time
}

func newAccounts() accounts {
	return accounts{
		keys:    map[string]*apiKey{},
		users:   map[string]*account{},
		access:  map[string]*grant{},
		refresh: map[string]*refreshToken{},
		codes:   map[string]*consent{},
		signing: newSecret(),
	}
}

func (a *accounts) addKey(key, secret string, t *team) *apiKey {
	owner := &account{User: User{UserID: newID(), TeamID: t.id}, team: t}
	k := &apiKey{apiKey: key, secret: secret, clientID: newID(), user: owner}
	a.keys[key] = k
	return k
}

func (a *accounts) newCode(user *account, apiKey string, now time.Time) string {
	code := newSecret()
	a.codes[code] = &consent{user: user, apiKey: apiKey, expires: now.Add(10 * time.Minute)}
	return code
}

func (a *accounts) newAccessToken(g *grant, now time.Time) string {
	if len(a.access) >= a.sweepAt {
		maps.DeleteFunc(a.access, func(_ string, g *grant) bool { return !now.Before(g.expires) })
		a.sweepAt = 2*len(a.access) + 64
	}
	token := a.jwt(g, now)
	a.access[token] = g
	return token
}

// jwt makes a token with the claims that the vendor's JavaScript client reads.
// The server itself does not verify tokens, it looks them up.
func (a *accounts) jwt(g *grant, now time.Time) string {
	claims, _ := json.Marshal(map[string]any{
		"userId": g.user.UserID,
		"sub":    g.user.UserID,
		"teamId": g.user.TeamID,
		"iat":    now.Unix(),
		"exp":    g.expires.Unix(),
		"jti":    newID(),
	})
	encode := base64.RawURLEncoding.EncodeToString
	signed := encode([]byte(`{"alg":"HS256","typ":"JWT"}`)) + "." + encode(claims)
	mac := hmac.New(sha256.New, []byte(a.signing))
	mac.Write([]byte(signed))
	return signed + "." + encode(mac.Sum(nil))
}
