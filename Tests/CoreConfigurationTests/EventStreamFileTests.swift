import CoreConfiguration
import SessionEngine
import SessionService
import SessionStorage
import Testing

@Suite("event_streams_file (docs/events.md)")
struct EventStreamFileTests {
    private static let secret = "0123456789abcdefghij"

    private static func file(_ streams: String...) -> String {
        #"{"issuer":"https://auth.example.com","streams":[\#(streams.joined(separator: ","))]}"#
    }

    private static let push =
        #"{"name":"billing","method":"push","audience":"https://b.example.com","url":"https://b.example.com/e?k=1","#
        + #""authorization":"Bearer \#(secret)"}"#
    private static let poll =
        #"{"name":"audit","app":"b2b","method":"poll","audience":"a","authorization":"\#(secret)","#
        + #""events":["session-revoked","https://schemas.openid.net/secevent/caep/event-type/credential-change"]}"#
    private static let logout =
        #"{"name":"web","method":"backchannel_logout","audience":"client-1","issuer":"https://other.example.com","#
        + #""url":"http://127.0.0.1:8080/logout"}"#

    @Test("each kind of stream")
    func good() throws {
        let text = Self.file(Self.push, Self.poll, Self.logout)
        let streams = try EventStreamFile(text.utf8, path: "f").streams
        #expect(streams.map(\.name.rawValue) == ["billing", "audit", "web"])
        #expect(streams.map(\.method) == [.push, .poll, .backchannelLogout])
        #expect(streams.map(\.app.rawValue) == ["public", "b2b", "public"])
        #expect(streams.map(\.address) == ["https://b.example.com/e?k=1", nil, "http://127.0.0.1:8080/logout"])
        #expect(streams.map(\.authorization) == ["Bearer \(Self.secret)", Self.secret, nil])
        #expect(
            streams.map(\.kinds) == [
                [.sessionRevoked, .credentialChange], [.sessionRevoked, .credentialChange], [.sessionRevoked],
            ])
        #expect(
            streams.map(\.parties.issuer) == [
                "https://auth.example.com", "https://auth.example.com", "https://other.example.com",
            ])
        #expect(!"\(streams)".contains(Self.secret) && !"\(streams)".contains("k=1"))
    }

    /// A push stream with another member.
    private static func stream(_ name: String, _ value: String?) -> String {
        var members = [
            "name": #""billing""#, "method": #""push""#, "audience": #""a""#, "url": #""https://b.example.com/""#,
        ]
        members[name] = value
        return "{" + members.map { "\"\($0.key)\":\($0.value)" }.joined(separator: ",") + "}"
    }

    @Test(
        "http is for this machine, unless the operator says otherwise; a redirect or a name decides nothing",
        arguments: [
            (#""http://localhost:1/x""#, nil, true), (#""http://127.0.0.2/""#, nil, true),
            (#""http://[::1]:9/""#, nil, true),
            (#""HTTPS://B.example.com""#, nil, true), (#""https://10.0.0.1/""#, nil, true),
            (#""http://b.example.com/""#, nil, false), (#""http://b.example.com/""#, "true", true),
            (#""http://b.example.com/""#, "false", false), (#""http://b.example.com/""#, #""true""#, false),
            (#""http://10.0.0.1/""#, nil, false), (#""http://169.254.169.254/latest""#, nil, false),
            (#""http://localhost.example.com/""#, nil, false), (#""http://127.0.0.1.example.com/""#, nil, false),
            (#""http://0177.0.0.1/""#, nil, false), (#""http://0/""#, nil, false),
            (#""http://2130706433/""#, nil, false),
            (#""https://user:pw@b.example.com/""#, nil, false), (#""https://b.example.com/#x""#, nil, false),
            (#""https://b.example.com/ x""#, nil, false), (#""https://b.example.com/\r\nX: y""#, nil, false),
            (#""ftp://b.example.com/""#, nil, false), (#""file:///etc/passwd""#, nil, false), (#""//b""#, nil, false),
            (#""https://""#, nil, false), (#""https://:443/""#, nil, false), (#""https://b:0/""#, nil, false),
            (#""https://b:99999/""#, nil, false), ("7", nil, false), ("null", nil, false),
            (#""https://b\" --output /tmp/x""#, nil, false), (#""https://bücher.example/""#, nil, false),
        ] as [(String, String?, Bool)])
    func addresses(url: String, insecure: String?, isGood: Bool) {
        var text = Self.stream("url", url)
        if let insecure { text = String(text.dropLast()) + ",\"insecure\":\(insecure)}" }
        #expect(((try? EventStreamFile(Self.file(text).utf8, path: "f")) != nil) == isGood, "\(url)")
    }

    private static let tooLong = String(repeating: " ", count: EventStreamFile.longest + 1)
    private static let tooMany: String = {
        let streams = (0...EventStreamFile.most).map { stream("name", "\"s\($0)\"") }
        return file(streams.joined(separator: ","))
    }()

    /// A text, and what its error names.
    static let faults: [(text: String, words: [String])] = [
        ("", ["no JSON"]), ("[]", ["'issuer' and 'streams'"]), ("{}", ["'issuer'"]),
        (#"{"issuer":"x"}"#, ["'streams'"]),
        (#"{"issuer":"x","streams":[]}"#, ["'streams'"]), (#"{"issuer":"x","streams":{}}"#, ["'streams'"]),
        (#"{"issuer":"x","streams":[1]}"#, ["stream 1"]), (#"{"issuer":"","streams":[\#(push)]}"#, ["'issuer'"]),
        (#"{"issuer":"x","stream":[]}"#, ["only have 'issuer', 'streams'"]),
        (#"{"issuer":"a\nb","streams":[\#(push)]}"#, ["'issuer'"]),
        (file(push, push), ["two streams", "'billing'"]), (file(push, "{}"), ["stream 2", "'name'"]),
        (file(stream("name", #""Billing""#)), ["stream 1", "'name'"]), (file(stream("name", "\"\"")), ["'name'"]),
        (file(stream("name", #""../x""#)), ["'name'"]), (file(stream("app", #""a/b""#)), ["'billing'", "'app'"]),
        (file(stream("method", #""webhook""#)), ["'billing'", "'method'", "backchannel_logout"]),
        (file(stream("audience", nil)), ["'billing'", "'audience'"]), (file(stream("audience", "7")), ["'audience'"]),
        (file(stream("url", nil)), ["'billing'", "'url'", "https"]), (file(stream("retries", "3")), ["may only have"]),
        (file(stream("events", "[]")), ["'events'"]), (file(stream("events", #"["login"]"#)), ["'events'"]),
        (file(stream("events", #""session-revoked""#)), ["'events'"]), (file(stream("events", "[1]")), ["'events'"]),
        (file(stream("authorization", #""Bearer SECRET\r\nHost: x""#)), ["'billing'", "'authorization'"]),
        (file(stream("authorization", #""SECRET é""#)), ["'authorization'"]),
        (file(stream("method", #""poll""#)), ["'billing'", "'url'"]),
        (
            file(#"{"name":"p","method":"poll","audience":"a"}"#),
            ["'p'", "'authorization'", "20 characters"]
        ),
        (
            file(#"{"name":"p","method":"poll","audience":"a","authorization":"SECRET"}"#),
            ["'p'", "'authorization'"]
        ),
        (
            file(#"{"name":"p","method":"poll","audience":"a","authorization":"Bearer SECRET0123456789abcdef"}"#),
            ["'p'", "without 'Bearer'"]
        ),
        (
            file(
                #"{"name":"p","method":"backchannel_logout","audience":"a","url":"https://a/","authorization":"SECRET"}"#
            ),
            ["'p'", "'authorization'"]
        ),
        (
            file(
                #"{"name":"p","method":"backchannel_logout","audience":"a","url":"https://a/","events":["credential-change"]}"#
            ),
            ["'p'", "'events'"]
        ),
        (tooLong, ["1 MiB"]),
        (String(repeating: "[", count: 100_000), ["no JSON"]),
        (tooMany, ["more than 100"]),
    ]

    @Test("what is wrong is named by file, stream and member, and no value is repeated", arguments: faults.indices)
    func faulty(index: Int) {
        let row = Self.faults[index]
        let error = #expect(throws: EventStreamFile.Problem.self) {
            try EventStreamFile(row.text.utf8, path: "/etc/tessera/streams.json")
        }
        let text = error?.description ?? ""
        #expect(text.hasPrefix("/etc/tessera/streams.json: ") && !text.contains("SECRET"))
        for word in row.words { #expect(text.contains(word), "\(text)") }
    }

    @Test("security events need the audit log")
    func auditLog() throws {
        let file = ["TESSERA_EVENT_STREAMS_FILE": "/etc/tessera/streams.json"]
        #expect(try OperatorConfiguration(environment: file).eventStreamsFile == "/etc/tessera/streams.json")
        #expect(try OperatorConfiguration().eventStreamsFile == nil)
        let error = #expect(throws: ConfigurationError.self) {
            try OperatorConfiguration(environment: file.merging(["TESSERA_AUDIT_TRAIL": "false"]) { $1 })
        }
        #expect("\(error.map { "\($0)" } ?? "")".contains("'audit_trail'"))
    }
}
