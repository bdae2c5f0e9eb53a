import EdgeVerdicts
import Foundations
import LosslessJSON
import SessionEngine
import SessionService

/// Introspection and revocation of tokens as RFC 7662 and RFC 7009 have them.
extension CoreAPI {
    /// Judges the head of a request.
    func admission(of question: OAuthQuestion, _ request: CoreRequest) -> Admission {
        let isAdmitted =
            settings.admits(request) || (question == .introspect && settings.admitsVerifier(request))
        guard isAdmitted else { return .keyRefused(.invalidClient) }
        guard request.method == "POST" else { return .refused(.notPost) }
        return .admitted(Admitted(work: .oauth(question)))
    }

    func answer(_ question: OAuthQuestion, _ body: [UInt8]) async -> CoreReply {
        guard let form = TokenForm(body) else { return .oauthError(400, "invalid_request") }
        do {
            switch question {
            case .introspect:
                return .unstored(Self.members(try await service.introspect(form.token)))
            case .revoke:
                _ = try await service.revoke(withEither: form.token, by: .user)
                return .done
            }
        } catch {
            return reply(to: error)
        }
    }

    /// The members of RFC 7662 section 2.2; of what is not active there is one, whatever the reason.
    private static func members(_ found: Introspection) -> JSONObject {
        switch found {
        case .inactive: return IntrospectionMembers.inactive
        case .accessToken(let claims):
            return IntrospectionMembers.of(claims, payload: (try? claims.userData.decoded()) ?? [:])
        case .refreshToken(let record, let expiresAt):
            return [
                "active": true, "sub": .string(record.namedUserID.rawValue), "sid": .string(record.handle.rawValue),
                "exp": .integer(expiresAt.milliseconds / 1_000), "tessera_tenant": .string(record.tenantID.rawValue),
            ]
        }
    }
}

extension CoreReply {
    /// A document that nothing on the way may keep.
    static func unstored(_ object: JSONObject, status: Int = 200) -> CoreReply {
        var reply = json(object)
        reply.status = status
        reply.headers.append(("Cache-Control", "no-store"))
        return reply
    }

    /// An error as RFC 6749 section 5.2 has it.
    static func oauthError(_ status: Int, _ error: String) -> CoreReply {
        unstored(["error": .string(error)], status: status)
    }

    /// The caller shows no key that may ask.
    static var invalidClient: CoreReply {
        var reply = oauthError(401, "invalid_client")
        reply.headers.append(("WWW-Authenticate", "Basic realm=\"tessera\""))
        return reply
    }

    static var notPost: CoreReply {
        var reply = oauthError(405, "invalid_request")
        reply.headers.append(("Allow", "POST"))
        return reply
    }

    /// It is done, and there is nothing to say.
    fileprivate static var done: CoreReply {
        var reply = unstored([:])
        reply.body = []
        return reply
    }
}
