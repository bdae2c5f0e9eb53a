import CoreDriverInterface
import Logging
import SessionEngine
import SessionService
import SessionStorage

extension CoreAPI {
    /// How the answer to a request comes about.
    enum Performance: Sendable {
        /// It is here.
        case reply(CoreReply)
        /// A caller has to wait for it: for storage, for a signature, for another app to open.
        case waiting(@Sendable () async -> CoreReply)
    }

    /// Answers a request.
    ///
    /// Every failure has an answer; nothing is thrown.
    public func respond(to request: CoreRequest) async -> CoreReply {
        switch await admissionAfterLookup(of: request) {
        case .refused(let reply), .keyRefused(let reply): return reply
        case .admitted(let admitted):
            switch perform(admitted, body: request.body) {
            case .reply(let reply): return reply
            case .waiting(let answer): return await answer()
            }
        }
    }

    /// Answers a request that was admitted, at once where nothing has to be waited for.
    func perform(_ admitted: Admitted, body: [UInt8]) -> Performance {
        switch admitted.work {
        case .health(let question):
            if let reply = promptHealth(question) { return .reply(reply) }
            return .waiting { await health(question) }
        case .oauth(let question): return .waiting { await answer(question, body) }
        case .edge: return .reply(CoreReply(InvalidRequest(.notFound)))
        case .poll(let stream): return .waiting { await answer(stream, body) }
        case .operation(var call, let place):
            call.request.body = body
            do {
                if place.app == nil, let prompt = try performPromptly(call) { return prompt }
            } catch {
                return .reply(reply(to: error))
            }
            let whole = call
            return .waiting { await answer(whole, in: place) }
        }
    }

    /// What needs neither storage nor a signature; `nil` for all else.
    private func performPromptly(_ call: Call) throws -> Performance? {
        switch call.operation {
        case .hello: readiness.known.map { .reply(Self.hello($0)) }
        case .listVersions: .reply(listVersions())
        case .verifySession: try verifyPromptly(call)
        case .showTelemetry: .reply(showTelemetry())
        default: nil
        }
    }

    private func answer(_ call: Call, in place: Place) async -> CoreReply {
        do {
            return try await api(in: place).perform(call)
        } catch ServiceError.storage(let error) where error.code == .noSuchTenant {
            // It was removed while the request was under way.
            return CoreReply(InvalidRequest(.unknownTenant(call.app, call.tenant)))
        } catch {
            return reply(to: error)
        }
    }

    /// The answer to any failure.
    func reply(to error: any Error) -> CoreReply {
        switch error {
        case let mistake as InvalidRequest: return CoreReply(mistake)
        case let failure as ServiceError: return reply(to: failure)
        default:
            logger.error("a request failed", metadata: ["error": "\(type(of: error))"])
            return .text(500, "Internal Error")
        }
    }

    /// What to do where a signer outside this process will not sign, however often it is asked; `nil` for another failure.
    private static func help(for failure: ServiceError) -> String? {
        switch failure {
        case .signing(.signerLacksKey): "it has lost the key: put its keys back, or 'tessera keys retire'"
        case .signing(.signerRefused): "its rules forbid the token, such as its lifetime; its own log has the counts"
        default: nil
        }
    }

    /// An internal error: the caller learns nothing else, and it is logged once.
    private func reply(to failure: ServiceError) -> CoreReply {
        if case .signing(.signerUnavailable) = failure {
            logger.debug("the signer does not answer")
            var reply = CoreReply.text(503, "The signer is not available. Try again.")
            reply.headers.append(("Retry-After", "1"))
            return reply
        }
        if let help = Self.help(for: failure) {
            logger.error("the signer does not sign", metadata: ["help": "\(help)"])
            return .text(500, "Internal Error")
        }
        guard case .storage(let error) = failure else {
            logger.error("a token could not be made", metadata: ["error": "\(failure)"])
            return .text(500, "Internal Error")
        }
        noteFailure(error)
        var reply =
            switch error.code {
            case .full: CoreReply.text(507, "Storage is full: nothing was changed. Free some space and try again.")
            case .unknownOutcome: CoreReply.text(503, "The outcome is not known. Try again.")
            case .unavailable: CoreReply.text(503, "Storage is not available. Try again.")
            case .unstorable: CoreReply.text(400, "Storage cannot hold a value of this request: \(error.detail)")
            default: CoreReply.text(500, "Internal Error")
            }
        if reply.status == 503 || reply.status == 507 { reply.headers.append(("Retry-After", "1")) }
        return reply
    }

    /// While storage is away one line says so, and not one for each request.
    private func noteFailure(_ error: StorageError) {
        if error.code == .unavailable { readiness.doubt(error.detail) }
        if error.code == .unavailable, readiness.watch.isAway {
            logger.debug("storage failed", metadata: ["error": .string(error.debugDescription)])
        } else {
            events.storageFailed(error)
        }
    }
}
