package coviutest

import (
	"bytes"
	"cmp"
	_ "embed"
	"html/template"
	"maps"
	"net/http"
	"net/url"
	"slices"
)

//go:embed consent.html
var consentHTML string

var consentPage = template.Must(template.New("consent").Parse(consentHTML))

// consentView is the data of the page. It shows a problem, a code to copy, or
// the form.
type consentView struct {
	ClientID, State string
	Users           []User
	Code, Problem   string
}

// showConsent answers GET /auth/authorize, the page that asks a user to let a
// program act for them.
func (s *Server) showConsent(c *call) reply {
	asked, err := url.ParseQuery(c.rawQuery)
	if err != nil {
		return page(http.StatusBadRequest, consentView{Problem: "The query of this page's address is malformed."})
	}
	if problem := s.consentProblem(asked); problem != nil {
		return *problem
	}
	users := []User{s.accounts.keys[asked.Get("client_id")].user.User}
	users[0].Username = "the owner of this API key"
	for _, user := range slices.SortedFunc(maps.Values(s.accounts.users), byName) {
		users = append(users, user.User)
	}
	return page(http.StatusOK, consentView{ClientID: asked.Get("client_id"), State: asked.Get("state"), Users: users})
}

// answerConsent answers POST /auth/authorize, which the page's buttons send.
func (s *Server) answerConsent(c *call) reply {
	form, err := url.ParseQuery(string(c.body))
	if err != nil {
		return page(http.StatusBadRequest, consentView{Problem: "The form is malformed."})
	}
	form.Set("response_type", "code")
	if problem := s.consentProblem(form); problem != nil {
		return *problem
	}
	if form.Get("decision") != "allow" {
		return s.sendBack(form, "error", "access_denied")
	}
	key := s.accounts.keys[form.Get("client_id")]
	user := key.user
	if id := form.Get("user"); id != "" && id != user.UserID {
		if user = s.accounts.users[id]; user == nil {
			return page(http.StatusBadRequest, consentView{Problem: "There is no such user."})
		}
	}
	return s.sendBack(form, "code", s.accounts.newCode(user, key.apiKey, c.now))
}

// consentProblem shows a problem to the user instead of redirecting. An unknown
// program must not choose where the user is sent.
func (s *Server) consentProblem(asked url.Values) *reply {
	problem := ""
	switch registered := s.settings.redirectURL; {
	case s.accounts.keys[asked.Get("client_id")] == nil:
		problem = "No program is registered under this client_id."
	case asked.Get("response_type") != "code":
		problem = "Only response_type=code is possible."
	case asked.Has("redirect_uri") && asked.Get("redirect_uri") != registered:
		problem = "This redirect_uri is not the registered one."
	default:
		return nil
	}
	return new(page(http.StatusBadRequest, consentView{Problem: problem}))
}

func (s *Server) sendBack(form url.Values, name, value string) reply {
	if s.settings.redirectURL == "" {
		view := consentView{Code: value}
		if name != "code" {
			view = consentView{Problem: "You did not consent. No redirect URL is registered to tell the program."}
		}
		return page(http.StatusOK, view)
	}
	target, err := url.Parse(s.settings.redirectURL)
	if err != nil {
		return page(http.StatusBadRequest, consentView{Problem: "The registered redirect URL is no URL."})
	}
	back := target.Query()
	back.Set(name, value)
	if form.Get("state") != "" {
		back.Set("state", form.Get("state"))
	}
	target.RawQuery = back.Encode()
	return reply{status: http.StatusSeeOther, header: http.Header{
		"Location":      {target.String()},
		"Cache-Control": {"no-store"},
	}}
}

func page(status int, view consentView) reply {
	var b bytes.Buffer
	// It can't fail: the template fits its data, and writes to memory.
	_ = consentPage.Execute(&b, view)
	return reply{status: status, body: b.Bytes(), header: http.Header{
		"Content-Type":  {"text/html; charset=utf-8"},
		"Cache-Control": {"no-store"},
		// A page that asks for consent must not be framed by another site.
		"Content-Security-Policy": {"default-src 'none'; style-src 'unsafe-inline'; frame-ancestors 'none'"},
	}}
}

func byName(a, b *account) int {
	return cmp.Or(cmp.Compare(a.Username, b.Username), cmp.Compare(a.UserID, b.UserID))
}
