import CoreDriverInterface
import Foundations
import InMemoryStorage
import Logging
import OperatorTracing
import SessionEngine
import SessionService
import SessionStorage
import Testing

@testable import CoreServer

@Suite("What a request leaves in a trace")
struct TracingTests {
    private let queue = SpanQueue()
    private let metrics = TesseraMetrics()

    private func core(_ storage: (any SessionStorage)? = nil) async throws -> CoreAPI {
        let directory = MeasuredDirectory(InMemoryAppDirectory(), metrics, traced: .sqlite)
        let pool = SigningKeyPool(signers: RSASigners(), onSignature: { metrics.signed($0, $1, traces: true) })
        let service = try await SessionManager(storage: storage ?? directory.storage(of: .public), keyPool: pool)
        try await service.prepareSigningKeys()
        let logger = Logger(label: "traces") { _ in SwiftLogNoOpLogHandler() }
        return CoreAPI(service: service, settings: CoreSettings(), logger: logger)
            .counting(metrics).tracing(by: Tracer(queue))
    }

    /// The spans of one request, its own last.
    private func spans(_ api: CoreAPI, _ request: CoreRequest) async throws -> (CoreReply, [SpanRecord], RequestTrace) {
        let trace = try #require(api.tracer).begin(nil)
        let reply = await RequestTrace.$current.withValue(trace) { await api.respond(to: request) }
        let span = RequestSpan(
            request: request,
            admitted: api.admission(of: request).flatMap { if case .admitted(let it) = $0 { it } else { nil } },
            route: api.route(of: request), reply: (reply.status, reply.outcome), session: trace.sessionName)
        trace.finish(span.content)
        return (reply, queue.take(), trace)
    }

    private func post(_ path: String, _ body: String, version: String = "5.4") -> CoreRequest {
        CoreRequest(method: "POST", path: path, version: version, body: Array(body.utf8))
    }

    private func texts(_ span: SpanRecord) -> [String: String] {
        Dictionary(
            span.attributes.map { attribute in
                switch attribute.value {
                case .text(let text): (attribute.name, text)
                case .number(let number): (attribute.name, "\(number)")
                }
            }
        ) { first, _ in first }
    }

    private let signIn = #"""
        {"userId":"canary-user","userDataInJWT":{"a":"canary-payload"},"userDataInDatabase":{},"enableAntiCsrf":false,
        "useDynamicSigningKey":true}
        """#

    @Test("OB23 to OB25: one span for the request, one for each step of storage and one for each signature")
    func tree() async throws {
        let api = try await core()
        _ = queue.take()
        _ = try await spans(api, post("/recipe/session", signIn))
        let (reply, spans, trace) = try await spans(api, post("/recipe/session", signIn))
        #expect(reply.status == 200)
        #expect(spans.map(\.name) == ["sign", "INSERT session_info", "POST /recipe/session"])
        #expect(spans.map(\.kind) == [.inside, .client, .server])
        #expect(spans.dropLast().allSatisfy { $0.parentID == trace.spanID } && spans.last?.parentID == nil)
        #expect(spans.allSatisfy { $0.traceID == trace.traceID && !$0.hasFailed })
        #expect(texts(spans[0]) == ["tessera.algorithm": "RS256"])
        #expect(
            texts(spans[1]) == [
                "db.system.name": "sqlite", "db.operation.name": "INSERT", "db.collection.name": "session_info",
            ])
        var own = texts(spans[2])
        let session = try #require(own["tessera.session"])
        own["tessera.session"] = nil
        #expect(session.count == 16 && session.allSatisfy(\.isHexDigit))
        #expect(
            own == [
                "http.request.method": "POST", "url.path": "/recipe/session", "url.scheme": "http",
                "http.route": "/recipe/session", "http.response.status_code": "200", "tessera.outcome": "ok",
                "tessera.operation": "createSession", "tessera.cdi": "5.4",
            ])
        let text = String(decoding: OTLP.request(spans, from: SpanResource(version: "1", instance: "i")), as: UTF8.self)
        #expect(!text.contains("canary"))
    }

    @Test("all spans of a session have one name for it, which is not its handle")
    func session() async throws {
        let api = try await core()
        let (created, first, _) = try await spans(api, post("/recipe/session", signIn))
        let body = String(decoding: created.body, as: UTF8.self)
        let handle = try #require(body.firstMatch(of: /"handle":"([^"]*)"/)).1
        let token = try #require(body.firstMatch(of: /"refreshToken":\{"token":"([^"]*)"/)).1
        let refresh = #"{"refreshToken":"\#(token)","enableAntiCsrf":false,"useDynamicSigningKey":true}"#
        let (_, second, _) = try await spans(api, post("/recipe/session/refresh", refresh))
        #expect(second.map(\.name) == ["UPDATE session_info", "sign", "POST /recipe/session/refresh"])
        var question = CoreRequest(method: "GET", path: "/recipe/session", query: "sessionHandle=\(handle)")
        question.version = "5.4"
        let (_, third, _) = try await spans(api, question)
        let names = [first, second, third].map { $0.last.map(texts)?["tessera.session"] }
        #expect(names[0] != nil && Set(names).count == 1)
        #expect(!"\(first)\(second)\(third)".contains(handle))
    }

    @Test(
        "OB23: names and outcomes",
        arguments: [
            ("GET", "/hello", "GET /hello", "200", "ok"), ("GET", "/nothing/secret", "GET", "404", "not_found"),
            ("DELETE", "/recipe/session", "DELETE /recipe/session", "405", "bad_input"),
            ("PROPFIND", "/hello", "HTTP /hello", "405", "bad_input"),
            ("GET", "/APPID-x/Public/Recipe/Session/", "GET /recipe/session", "400", "bad_input"),
            ("GET", "/health/live", "GET /health/live", "200", "ok"), ("SECRET", "/x", "HTTP", "404", "not_found"),
        ])
    func names(method: String, path: String, name: String, status: String, outcome: String) async throws {
        let api = try await core()
        _ = queue.take()
        let request = CoreRequest(method: method, path: path, query: "q=secret", version: "5.4")
        let (_, spans, _) = try await spans(api, request)
        let span = try #require(spans.last)
        let own = texts(span)
        #expect(span.name == name)
        #expect(own["http.response.status_code"] == status)
        #expect(own["tessera.outcome"] == outcome && !span.hasFailed && own["error.type"] == nil)
        #expect(!"\(spans)".lowercased().contains("secret"))
        #expect(own["http.route"] == nil ? own["url.path"] == "REDACTED" : own["url.path"] == path)
    }

    @Test("storage that fails is an error of its span and of the request")
    func failure() async throws {
        let storage = SwitchableStorage()
        var measured = MeasuredStorage(base: storage.storage, metrics: metrics.storage, clock: .system)
        measured.traced = .postgresql
        let api = try await core(measured)
        _ = queue.take()
        var error = StorageError(.unavailable, "canary detail")
        error.sqlState = "57P01"
        storage.fail(with: error)
        let request = CoreRequest(method: "GET", path: "/recipe/session/user", query: "userId=canary", version: "5.4")
        let (_, spans, _) = try await spans(api, request)
        #expect(spans.map(\.name) == ["SELECT session_info", "GET /recipe/session/user"])
        #expect(spans.allSatisfy { $0.hasFailed })
        #expect(texts(spans[0])["error.type"] == "unavailable")
        #expect(texts(spans[0])["db.response.status_code"] == "57P01")
        #expect(texts(spans[1])["error.type"] == "503" && texts(spans[1])["tessera.outcome"] == "unavailable")
        #expect(!"\(spans)".contains("canary"))
    }

    @Test("a client that has gone leaves a span that says so")
    func gone() {
        let span = RequestSpan(
            request: CoreRequest(method: "GET", path: "/hello"), admitted: nil, route: "/hello", reply: nil,
            session: nil)
        #expect(span.content.hasFailed && texts(of: span.content)["tessera.outcome"] == "abandoned")
        #expect(texts(of: span.content)["http.response.status_code"] == nil)
    }

    private func texts(of content: SpanContent) -> [String: String] {
        Dictionary(content.attributes.map { ($0.name, "\($0.value)".split(separator: "\"")[1].description) }) { $1 }
    }

    @Test("an untraced core records nothing, whatever is current")
    func off() async throws {
        var api = try await core()
        _ = queue.take()
        let trace = Tracer(queue).begin(nil)
        api.tracer = nil
        let untraced = api
        _ = await RequestTrace.$current.withValue(trace) {
            await untraced.respond(to: CoreRequest(method: "GET", path: "/hello"))
        }
        #expect(trace.sessionName == nil && queue.take().isEmpty)
    }

    @Test("every statement has an operation and a table, in both databases")
    func statements() {
        for step in StorageStepLabel.allCases {
            let statement = StorageStatement.usual(step)
            #expect(["INSERT", "SELECT", "UPDATE", "DELETE"].contains(statement.operation))
            #expect([DatabaseSystem.sqlite, .postgresql].allSatisfy { !statement.table(in: $0).isEmpty })
        }
    }
}
