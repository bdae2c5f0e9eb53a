import CoreDriverInterface
import Foundations
import LosslessJSON
import SessionEngine
import SessionService
import SessionStorage

/// Security events for receivers that ask (RFC 8936), and news for all receivers (docs/events.md).
extension CoreAPI {
    /// Judges the head of a request: the bearer token of the stream alone counts, and no API key.
    func admission(of path: EventPollPath, _ request: CoreRequest, _ polls: EventPolls) -> Admission {
        let token = request.authorization.flatMap(Self.bearer) ?? ""
        guard let stream = polls.stream(path.stream, of: path.app, shown: token) else {
            return .keyRefused(.unknownReceiver)
        }
        guard request.method == "POST" else { return .refused(.pollByPost) }
        return .admitted(Admitted(work: .poll(stream)))
    }

    /// The token of an `Authorization` field (RFC 6750 section 2.1).
    private static func bearer(_ field: String) -> String? {
        let scheme = "bearer "
        guard field.lowercased().hasPrefix(scheme) else { return nil }
        return String(field.dropFirst(scheme.count).trimmed { $0 == " " || $0 == "\t" })
    }

    /// The next events of a stream, as RFC 8936 section 2.4 has them.
    func answer(_ stream: EventStream, _ body: [UInt8]) async -> CoreReply {
        let question: PollRequest
        do throws(PollRequest.Refusal) { question = try PollRequest(body) } catch {
            return .pollError(400, PollRequest.Refusal.code, error.description)
        }
        do {
            guard let polls, let sessions = try await sessions(of: stream.app) else {
                return .pollError(404, "access_denied", "the app of the stream does not exist")
            }
            let answer = try await polls.answer(question, stream, of: sessions)
            let sets = answer.sets.map { JSONObject.Member(name: $0.id, value: .string($0.token)) }
            return .unstored(["sets": .object(JSONObject(sets)), "moreAvailable": .bool(answer.hasMore)])
        } catch {
            return reply(to: error)
        }
    }

    /// The sessions of an app; `nil` where there is no such app.
    private func sessions(of app: AppID) async throws -> SessionManager? {
        if app == .public { return service }
        return try await apps?.app(app)?.service.value()
    }

    /// Notes that a credential of a user is another one.
    func noteCredentialChange(_ call: Call) async throws -> CoreReply {
        guard let change = try call.decode(Catalogue.noteCredentialChange).credentialChange else {
            throw InvalidRequest(.notJSON)
        }
        let isNoted = try await service.noteCredentialChange(change, by: try call.actor())
        return .status(isNoted ? "OK" : "AUDIT_LOG_OFF")
    }
}

extension CoreReply {
    /// An error as RFC 8935 section 2.3 has it.
    fileprivate static func pollError(_ status: Int, _ code: String, _ description: String) -> CoreReply {
        unstored(["err": .string(code), "description": .string(description)], status: status)
    }

    /// The caller shows no token of a stream; which streams there are is not said.
    fileprivate static var unknownReceiver: CoreReply {
        var reply = pollError(401, "authentication_failed", "this needs the bearer token of the stream")
        reply.headers.append(("WWW-Authenticate", "Bearer realm=\"tessera\""))
        return reply
    }

    fileprivate static var pollByPost: CoreReply {
        var reply = pollError(405, "invalid_request", "events are asked for with POST")
        reply.headers.append(("Allow", "POST"))
        return reply
    }
}
