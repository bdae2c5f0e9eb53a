import HTTPTypes
import Testing

@testable import TesseraClient

@Suite("What an answer to a refresh means")
struct RefreshTableTests {
    static let name = HTTPField.Name("front-token")

    static func head(_ status: Int, isVerdict: Bool) -> HTTPResponse {
        var head = HTTPResponse(status: .init(code: status))
        if isVerdict, let name { head.headerFields[name] = "remove" }
        return head
    }

    /// The page's rows, in the test's own words.
    static func expected(_ status: Int, isVerdict: Bool) -> String {
        switch status {
        case 200: isVerdict ? "ended" : "fault"
        case 401: isVerdict ? "ended" : "gateway"
        case 407, 408, 421, 425, 429, 500...599: "transient"
        default: "fault"
        }
    }

    static func name(_ verdict: RefreshVerdict) -> String {
        switch verdict {
        case .refreshed: "refreshed"
        case .ended: "ended"
        case .transient: "transient"
        case .gateway: "gateway"
        case .needsNonce: "nonce"
        case .fault: "fault"
        }
    }

    @Test("every status, with and without a verdict: 401 and 200 with one end a session, and nothing else")
    func statuses() {
        for status in 100...599 {
            for isVerdict in [false, true] {
                let verdict = RefreshTable.verdict(on: Self.head(status, isVerdict: isVerdict), body: [])
                #expect(Self.name(verdict) == Self.expected(status, isVerdict: isVerdict), "\(status) \(isVerdict)")
            }
        }
    }

    @Test(
        "the message of a 401 is a verdict without fields",
        arguments: [
            (#"{"message":"unauthorised"}"#, RefreshVerdict.ended(.ended)),
            (#"{"message":"token theft detected"}"#, .ended(.theft)),
            (#"{"message":"try refresh token"}"#, .gateway), ("<html>", .gateway), ("", .gateway),
            (#"{"message":"Unauthorized"}"#, .gateway),
        ])
    func messages(_ body: String, _ verdict: RefreshVerdict) {
        #expect(RefreshTable.verdict(on: Self.head(401, isVerdict: false), body: Array(body.utf8)) == verdict)
    }

    @Test(
        "a 400 asks for a nonce where it has one and says so, and is a fault otherwise",
        arguments: [
            (400, #"{"error":"use_dpop_nonce"}"#, Optional("n"), RefreshVerdict.needsNonce("n")),
            (400, #"{"error":"use_dpop_nonce"}"#, nil, .fault(.refused(status: 400))),
            (400, #"{"error":"use_dpop_nonce"}"#, "", .fault(.refused(status: 400))),
            (400, #"{"error":"invalid_dpop_proof"}"#, "n", .fault(.refused(status: 400))),
            (400, "", "n", .fault(.refused(status: 400))),
            (403, #"{"error":"use_dpop_nonce"}"#, "n", .fault(.refused(status: 403))),
            (401, #"{"error":"use_dpop_nonce"}"#, "n", .gateway),
        ])
    func nonces(_ status: Int, _ body: String, _ nonce: String?, _ verdict: RefreshVerdict) {
        var head = Self.head(status, isVerdict: false)
        head.headerFields[SessionFields.nonceName] = nonce
        #expect(RefreshTable.verdict(on: head, body: Array(body.utf8)) == verdict)
    }

    @Test(
        "Retry-After in seconds, as a date by the server's clock, and nothing longer than five minutes",
        arguments: [
            ("7", Duration.seconds(7)), ("100000", .seconds(300)), ("soon", nil), ("-1", nil),
            ("Sun, 06 Nov 1994 08:49:57 GMT", .seconds(20)),
        ])
    func retryAfter(_ text: String, _ expected: Duration?) {
        var fields = HTTPFields()
        fields[.retryAfter] = text
        fields[.date] = "Sun, 06 Nov 1994 08:49:37 GMT"
        #expect(RetryAfter.duration(fields) == expected)
    }

    @Test("no failure of a transport ends a session", arguments: TransportFailure.Kind.allCases)
    func failures(_ kind: TransportFailure.Kind) {
        let name = Self.name(RefreshTable.verdict(on: TransportFailure(kind, "x")))
        #expect(name == (kind == .insecure || kind == .invalid ? "fault" : "transient"))
    }

    /// `NSURLErrorDomain`, by number.
    static let codes: [Int] =
        [-1] + Array(-1022 ... -1000) + Array(-1206 ... -1200) + [-1100, -1101, -1102, -1103, -2000]
        + Array(-3007 ... -3000) + [-995, -996, -997, -999]

    @Test("every number of URLError is in the table")
    func urlErrors() {
        let missing = Self.codes.filter { URLErrorTable.kinds[$0] == nil && $0 != -1008 }
        #expect(missing == [])
        #expect(URLErrorTable.kind(of: -1009) == .transient && URLErrorTable.kind(of: -1202) == .insecure)
        #expect(URLErrorTable.kind(of: -12_345) == .transient)
    }
}

@Suite("When a client may refresh again")
struct RetryStateTests {
    @Test("at least two seconds, half a minute after five failures, what the server asks for; success forgets all")
    func waits() {
        var state = RetryState()
        for number in 1...4 {
            state.failed(.unavailable("x", retryAfter: .zero), at: 0, random: 0)
            #expect(state.wait(at: 0) == 2_000 && state.failures == number)
        }
        state.failed(.unavailable("x", retryAfter: .zero), at: 0, random: 0)
        #expect(state.wait(at: 0) == 30_000 && state.wait(at: 29_999) == 1 && state.wait(at: 30_000) == 0)
        state.failed(.unavailable("x", retryAfter: .zero), at: 0, retryAfter: .seconds(90), random: 0)
        #expect(state.wait(at: 0) == 90_000)
        state.succeeded()
        #expect(state == RetryState())
    }

    @Test("a pause is a random part of a growing span", arguments: [UInt64(0), 1_999, 12_345, .max])
    func jitter(_ random: UInt64) {
        for number in 1...4 {
            var state = RetryState()
            for _ in 0..<number { state.failed(.unavailable("x", retryAfter: .zero), at: 0, random: random) }
            #expect((2_000...max(2_000, 500 << Int64(number))).contains(state.wait(at: 0)))
        }
    }
}
