import Foundations
import PublicSuffixList
import SessionDoctor
import Testing

/// A set-up that is right, and changes of what was seen of it.
private struct Table {
    static let time = Timestamp(milliseconds: 1_800_000_000_000)
    static let date = "Fri, 15 Jan 2027 08:00:00 GMT"
    static let front = "eyJ1aWQiOiJhIn0="
    static let access = "eyJraWQiOiJkLTEifQ.e30.c2ln"

    static func reply(_ status: Int, _ fields: [(String, String)] = [], body: String = "") -> ProbeReply {
        ProbeReply(
            status: status, fields: [HeaderField("Date", date)] + fields.map { HeaderField($0.0, $0.1) }, body: body,
            sentAt: time, receivedAt: time + Milliseconds(10), bodyAfter: Milliseconds(10))
    }

    static let cors = [
        ("Access-Control-Allow-Origin", "https://app.example.com"), ("Access-Control-Allow-Credentials", "true"),
        ("Access-Control-Expose-Headers", "front-token, anti-csrf, st-access-token, st-refresh-token"),
    ]
    static let cleared = [
        ("Set-Cookie", "sAccessToken=; Path=/; Expires=Thu, 01 Jan 1970 00:00:00 GMT; HttpOnly; Secure; SameSite=Lax"),
        (
            "Set-Cookie",
            "sRefreshToken=; Path=/auth/session/refresh; Expires=Thu, 01 Jan 1970 00:00:00 GMT; HttpOnly; Secure; SameSite=Lax"
        ),
        ("st-access-token", ""), ("st-refresh-token", ""), ("front-token", "remove"),
    ]
    static let set = [
        (
            "Set-Cookie",
            "sAccessToken=\(access); Path=/; Expires=Fri, 15 Jan 2028 08:00:00 GMT; HttpOnly; Secure; SameSite=Lax"
        ),
        (
            "Set-Cookie",
            "sRefreshToken=r; Path=/auth/session/refresh; Expires=Fri, 15 Jan 2028 08:00:00 GMT; HttpOnly; Secure; SameSite=Lax"
        ), ("front-token", front),
    ]
    static let unauthorised = #"{"message":"unauthorised"}"#

    /// Everything was asked, and nothing is wrong.
    static func good(api: String = "https://api.example.com/auth", site: String = "https://app.example.com") throws
        -> Observations
    {
        var seen = Observations(
            api: try #require(WebAddress(api)), site: try #require(WebAddress(site)), suffixes: try .embedded())
        let allowed = ("Access-Control-Allow-Headers", "anti-csrf, authorization, fdi-version, rid, st-auth-mode")
        seen.outcomes = [
            .preflight: .reply(reply(204, cors + [allowed])),
            .refusal: .reply(reply(401, cors + cleared, body: unauthorised)),
            .headerRefusal: .reply(reply(401, cors + cleared, body: unauthorised)),
            .keySet: .reply(reply(200, body: #"{"keys":[{"kid":"d-1"}]}"#)), .page: .reply(reply(200)),
            .login: .reply(reply(200, cors + set)), .bare: .reply(reply(401, cors, body: unauthorised)),
            .protected: .reply(reply(200, cors)), .protectedAgain: .reply(reply(200, cors)),
            .refresh: .reply(reply(200, cors + set)), .repeatedRefresh: .reply(reply(200, cors + set)),
            .stream: .reply(reply(200, cors)),
        ]
        seen.protectedPath = "/me"
        return seen
    }
}

extension Observations {
    /// Changes the reply to a question.
    fileprivate mutating func change(_ probe: Probe, _ change: (inout ProbeReply) -> Void) {
        guard var reply = reply(probe) else { return }
        change(&reply)
        outcomes[probe] = .reply(reply)
    }

    fileprivate mutating func replace(_ probes: [Probe], _ name: String, _ old: String, by new: String) {
        for probe in probes {
            change(probe) { reply in
                reply.fields = reply.fields.map {
                    $0.name == name
                        ? HeaderField(
                            name,
                            $0.value.split(separator: old, omittingEmptySubsequences: false).joined(separator: new))
                        : $0
                }
            }
        }
    }

    fileprivate mutating func drop(_ probes: [Probe], _ name: String) {
        for probe in probes { change(probe) { reply in reply.fields.removeAll { $0.name == name } } }
    }
}

@Suite("What the doctor makes of what it saw")
struct RuleTests {
    private static let cookies: [Probe] = [.refusal, .headerRefusal, .login, .refresh, .repeatedRefresh]

    private func codes(_ seen: Observations) -> [String] { Rule.diagnose(seen).map(\.code) }

    /// What the doctor names first when one thing of a good set-up is changed.
    private func first(
        api: String = "https://api.example.com/auth", site: String = "https://app.example.com",
        _ change: (inout Observations) -> Void
    ) throws -> String? {
        var seen = try Table.good(api: api, site: site)
        change(&seen)
        return codes(seen).first
    }

    @Test("nothing is said of a set-up that is right, with all or little of it seen")
    func good() throws {
        #expect(codes(try Table.good()) == [])
        var little = try Table.good()
        for probe in Probe.allCases where probe != .preflight && probe != .refusal { little.outcomes[probe] = nil }
        #expect(codes(little) == [])
        var older = little
        older.outcomes[.refusal] = .reply(Table.reply(401, Table.cors, body: Table.unauthorised))
        #expect(codes(older) == [], "SDKs before node 18.0.2 clear nothing")
        #expect(codes(Observations(api: little.api, site: little.site, suffixes: little.suffixes)) == [])
    }

    @Test(
        "D01: what is no answer of an SDK",
        arguments: [
            (404, ""), (405, "{}"), (200, "<!doctype html>"), (401, ""), (403, "Forbidden"), (200, "{}"),
        ])
    func noRoutes(_ status: Int, _ body: String) throws {
        #expect(try first { $0.outcomes[.refusal] = .reply(Table.reply(status, body: body)) } == "D01")
        #expect(try first { $0.outcomes[.refusal] = .failure(.refused) } == "D01")
    }

    @Test("D02: where the front end calls another API")
    func otherAPI() throws {
        func said(_ domain: String, _ path: String? = nil) -> (inout Observations) -> Void {
            { $0.frontEnd = FrontEndConfiguration(apiDomain: domain, apiBasePath: path, source: "a script") }
        }
        #expect(try first(said("https://other.example.com")) == "D02")
        #expect(try first(said("https://api.example.com", "/other")) == "D02")
        #expect(try first(said("http://api.example.com", "/auth")) == "D02")
        #expect(try first(said("https://api.example.com", "/auth/")) == nil)
        #expect(try first(said("api.example.com")) == nil)
        let scanned = FrontEndConfiguration(
            scanning: #"x={"apiDomain":"https://a.example",apiBasePath:'/x'}"#, source: "s")
        #expect(scanned?.apiDomain == "https://a.example" && scanned?.apiBasePath == "/x")
        #expect(FrontEndConfiguration(scanning: "apiDomain apiDomain: window.API", source: "s") == nil)
    }

    @Test("D03 to D07: what browsers need across origins")
    func cors() throws {
        let all: [Probe] = [.preflight, .refusal, .headerRefusal, .login, .bare, .protected, .protectedAgain, .refresh]
        #expect(
            try first { $0.replace([.preflight], "Access-Control-Allow-Headers", ", st-auth-mode", by: "") } == "D03")
        #expect(
            try first {
                $0.replace(
                    [.preflight], "Access-Control-Allow-Headers",
                    "anti-csrf, authorization, fdi-version, rid, st-auth-mode", by: "*")
            } == "D03")
        #expect(try first { $0.change(.preflight) { $0.status = 405 } } == "D03")
        #expect(
            try first { $0.replace(all, "Access-Control-Allow-Origin", "https://app.example.com", by: "*") } == "D04")
        #expect(try first { $0.replace(all, "Access-Control-Allow-Origin", "https://", by: "http://") } == "D04")
        #expect(try first { $0.replace(all, "Access-Control-Allow-Origin", ".com", by: ".com/") } == "D04")
        let untrusted = Table.reply(403, body: #"{"message":"the origin is not trusted"}"#)
        #expect(try first { $0.outcomes[.refusal] = .reply(untrusted) } == "D04")
        #expect(try first { $0.drop(all, "Access-Control-Allow-Credentials") } == "D05")
        #expect(try first { $0.replace([.refusal], "Access-Control-Allow-Credentials", "true", by: "True") } == "D05")
        #expect(
            try first { seen in
                for name in Table.cors.map(\.0) { seen.drop([.refusal, .headerRefusal, .bare], name) }
            } == "D06")
        #expect(try first { $0.drop(all, "Access-Control-Expose-Headers") } == "D07")
        #expect(
            try first { $0.replace([.login], "Access-Control-Expose-Headers", "front-token, ", by: "*, ") } == "D07")
        // In the same origin none of it matters.
        #expect(
            try first(site: "https://api.example.com") { seen in
                for name in Table.cors.map(\.0) { seen.drop(all, name) }
            } == nil)
    }

    @Test("D08: fields that something drops")
    func dropped() throws {
        #expect(try first { $0.drop([.login], "Set-Cookie") } == "D08")
        #expect(try first { $0.drop([.login], "front-token") } == "D08")
        #expect(
            try first { seen in for name in ["st-access-token", "st-refresh-token"] { seen.drop(Self.cookies, name) } }
                == "D08")
        #expect(
            try first { seen in
                seen.outcomes[.directRefusal] = seen.outcomes[.refusal]
                seen.drop([.refusal], "front-token")
            } == "D08")
    }

    @Test("D09 to D15: what browsers do with the cookies")
    func cookies() throws {
        func cookie(_ old: String, _ new: String) -> (inout Observations) -> Void {
            { $0.replace(Self.cookies, "Set-Cookie", old, by: new) }
        }
        #expect(try first(cookie("Secure; SameSite=Lax", "SameSite=None")) == "D09")
        #expect(
            try first(api: "http://api.example.com/auth", site: "http://app.example.com") { seen in
                seen.replace(Probe.allCases, "Access-Control-Allow-Origin", "https", by: "http")
            } == "D09")
        let other = "https://app.example.org"
        func crossSite(_ new: String, _ seen: inout Observations) {
            seen.replace(Probe.allCases, "Access-Control-Allow-Origin", "https://app.example.com", by: other)
            cookie("SameSite=Lax", new)(&seen)
        }
        #expect(try first(site: other) { crossSite("SameSite=Lax", &$0) } == "D10")
        #expect(try first(site: other) { crossSite("HttpOnly", &$0) } == "D10", "Lax is the default")
        #expect(try first(site: other) { crossSite("SameSite=None", &$0) } == "D11")
        #expect(try first(site: other) { crossSite("SameSite=None; Partitioned", &$0) } == nil)
        #expect(
            try first(site: other) { seen in
                crossSite("SameSite=Lax", &seen)
                seen.statedMode = .header
            } == nil)
        #expect(
            try first(api: "http://127.0.0.1:3000/auth", site: "http://localhost:3000") { seen in
                seen.replace(
                    Probe.allCases, "Access-Control-Allow-Origin", "https://app.example.com",
                    by: "http://localhost:3000")
            } == "D12")
        for domain in ["app.example.com", "com", "api.example.com:443", "example.org"] {
            #expect(try first(cookie("SameSite", "Domain=\(domain); SameSite")) == "D13", "\(domain)")
        }
        #expect(try first(cookie("SameSite", "Domain=.example.com; SameSite")) == nil)
        #expect(try first(cookie("Path=/auth/session/refresh", "Path=/api/auth/session/refresh")) == "D14")
        #expect(
            try first(cookie("sAccessToken=\(Table.access); Path=/", "sAccessToken=\(Table.access); Path=/x")) == "D14")
        #expect(
            try first { seen in
                seen.change(.login) {
                    $0.fields.append(
                        HeaderField("Set-Cookie", "sAccessToken=x; Path=/; Domain=example.com; Secure; SameSite=Lax"))
                }
            } == "D15")
        #expect(
            try first { seen in
                seen.oldDomain = ".example.com"
                seen.outcomes[.doubled] = .reply(Table.reply(500))
            } == "D15")
    }

    @Test("D16 to D25: redirects, refreshes, caches, time, keys, sizes, the core")
    func others() throws {
        #expect(
            try first { seen in
                seen.outcomes[.refusal] = .reply(
                    Table.reply(308, [("Location", "https://www.example.com/auth?token=x")]))
            } == "D16")
        #expect(try first { $0.outcomes[.plain] = .reply(Table.reply(401)) } == "D17")
        #expect(try first { $0.change(.protected) { $0.fields.append(HeaderField("Age", "3")) } } == "D18")
        #expect(
            try first { $0.change(.refresh) { $0.fields.append(HeaderField("Cache-Control", "max-age=60")) } } == "D18")
        #expect(
            try first { $0.change(.refresh) { $0.fields.append(HeaderField("Cache-Control", "private, max-age=60")) } }
                == nil)
        #expect(try first { $0.change(.repeatedRefresh) { $0.status = 401 } } == "D19")
        #expect(try first { $0.outcomes[.stream] = .failure(.timeout) } == "D20")
        #expect(try first { $0.repeats = [.failure(.timeout), .failure(.timeout), .reply(Table.reply(401))] } == "D20")
        #expect(try first { $0.replace(Probe.allCases, "Date", "08:00:00", by: "08:02:00") } == "D21")
        #expect(try first { $0.replace(Probe.allCases, "Date", "08:00:00", by: "07:59:56") } == nil)
        #expect(try first { $0.change(.keySet) { $0.body = #"{"keys":[{"kid":"d-0"}]}"# } } == "D22")
        let large = String(repeating: "p", count: 5_000)
        #expect(try first { $0.replace([.login], "Set-Cookie", Table.access, by: Table.access + large) } == "D23")
        #expect(try first { $0.change(.protected) { $0.status = 431 } } == "D23")
        #expect(try first { $0.change(.refusal) { $0.status = 440 } } == "D24")
        #expect(try first { $0.change(.bare) { $0.status = 302 } } == "D24")
        #expect(
            try first { seen in
                seen.expiredStatus = 440
                for probe in [Probe.refusal, .bare] { seen.change(probe) { $0.status = 440 } }
            } == nil)
        #expect(try first { $0.outcomes[.login] = .reply(Table.reply(500)) } == "D25")
        #expect(try first { $0.outcomes[.refusal] = .reply(Table.reply(502)) } == "D25")
    }

    @Test("nothing that is shown has a token, a query or a control character in it")
    func shown() throws {
        var seen = try Table.good()
        seen.replace(Self.cookies, "Set-Cookie", "SameSite=Lax", by: "SameSite=None\u{1B}[2J")
        seen.drop([.login], "front-token")
        seen.outcomes[.preflight] = .reply(Table.reply(302, [("Location", "https://x.example/?secret=1")]))
        seen.change(.repeatedRefresh) { $0.status = 401 }
        let report = DoctorReport(subject: "s", diagnoses: Rule.all.compactMap { $0.diagnosis(of: seen) })
        #expect(report.diagnoses.count > 2)
        for text in [report.text, report.json] {
            for secret in [Table.access, Table.front, "secret=1", "\u{1B}"] { #expect(!text.contains(secret)) }
        }
        #expect(!report.isWell && report.text.contains("see:  docs/doctor.md#d16"))
    }

    @Test("every code is there once, and a finding that is accepted is left out")
    func table() throws {
        let all = Rule.all.map(\.code)
        #expect(Set(all).count == 25 && all.count == 25)
        var seen = try Table.good()
        seen.change(.repeatedRefresh) { $0.status = 401 }
        #expect(Rule.diagnose(seen, accepting: ["D19"]) == [])
    }

    @Test("a value of the examined server does not move the cursor of who reads the report")
    func controls() {
        let seen = Diagnosis(
            code: "D01", severity: .bad, summary: "a\u{1B}[2Jb", observed: ["c\r\nBAD  D99\u{9B}"], fix: "d")
        let text = DoctorReport(subject: "s", diagnoses: [seen]).text
        #expect(text.contains("a[2Jb") && text.contains("seen: cBAD  D99\n") && !text.contains("\u{1B}"))
    }
}
