import HTTPTypes
import LosslessJSON
public import TesseraClient

/// The notes of a signed-in user, which the demo application keeps with the session.
public struct NoteBook: Sendable {
    /// What keeps the user signed in.
    public let session: SessionClient
    private let api: APIOrigin
    private static let visitor = HTTPField.Name("x-demo-visitor")

    /// Opens the notes of a user at the demo application.
    ///
    /// - Parameters:
    ///   - api: where the application is, such as `http://localhost:8080`.
    ///   - user: the demo application keeps its visitors apart by name.
    ///   - store: where the session is kept.
    ///   - transport: what sends requests.
    /// - Throws: `ClientError` for an address that is none.
    public init(api: String, user: String, store: any SessionStore, transport: any ClientTransport) throws {
        var configuration = try ClientConfiguration(api: api)
        if let name = Self.visitor { configuration.refreshFields[name] = user }
        self.api = configuration.origin
        self.user = user
        session = SessionClient(configuration, store: store, transport: transport)
    }

    private let user: String

    /// Signs in; the tokens are in the response's fields, and the client keeps them.
    ///
    /// - Throws: `NoteError` where the password is wrong, or what the client throws.
    public func signIn(password: String) async throws {
        try await send(.post, "/api/login", ["user": .string(user), "password": .string(password)])
    }

    /// The notes, the oldest first.
    ///
    /// - Throws: `NoteError` where nobody is signed in, or what the client throws.
    public func notes() async throws -> [String] {
        let answer = try await send(.get, "/api/data", nil)
        return answer["notes"]?.array?.compactMap(\.string) ?? []
    }

    /// Adds a note.
    ///
    /// - Throws: as ``notes()``.
    public func add(_ note: String) async throws {
        let all = try await notes() + [note]
        try await send(.put, "/api/data", ["notes": .array(all.map { .string($0) })])
    }

    @discardableResult
    private func send(_ method: HTTPRequest.Method, _ path: String, _ body: JSONObject?) async throws -> JSONObject {
        let authority = api.description.split(separator: "/").last.map(String.init)
        var request = HTTPRequest(method: method, scheme: api.scheme, authority: authority, path: path)
        request.headerFields[.contentType] = "application/json"
        if let name = Self.visitor { request.headerFields[name] = user }
        let bytes = body.map { RequestBody.bytes($0.serialized()) } ?? .none
        let (head, answer) = try await session.data(for: request, body: bytes)
        guard head.status.kind == .successful else { throw NoteError(status: head.status.code) }
        return (try? JSONValue(parsing: answer).object) ?? [:]
    }
}

/// Why there are no notes.
public struct NoteError: Error, CustomStringConvertible {
    /// The status of the response.
    public let status: Int

    /// What to do.
    public var description: String {
        switch status {
        case 401: "Nobody is signed in: notes sign-in"
        case 403: "The password is wrong; that of the demo is \"demo\"."
        default: "The application answers \(status)."
        }
    }
}
