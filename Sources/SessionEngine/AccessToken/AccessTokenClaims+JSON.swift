import LosslessJSON

extension AccessTokenClaims {
    /// The token's payload as bytes, members in the order of the format.
    ///
    /// - Throws: ``JSONError`` when the stored payload is damaged.
    func payload() throws(JSONError) -> [UInt8] {
        let data = try userData.decoded()
        var payload = JSONObject()
        for named in format.claims {
            let value = json(of: named.claim, userData: data)
            // Legacy forms leave a null member out, newer ones write it (spec `core-wire` 2.2, 11.1 no. 10).
            if format.isLegacy && value.isNull { continue }
            payload.append(named.name, value)
        }
        if !format.isLegacy {
            for member in data.members { payload.append(member.name, member.value) }
        }
        return payload.serialized()
    }

    private func json(of claim: AccessTokenFormat.Claim, userData: JSONObject) -> JSONValue {
        switch claim {
        case .issuedAt: .integer(format.isLegacy ? issuedAt.milliseconds : issuedAt.wholeSeconds)
        case .expiresAt: .integer(format.isLegacy ? expiresAt.milliseconds : expiresAt.wholeSeconds)
        case .userID: .string(userID.text)
        case .recipeUser: .string(recipeUserID.text)
        case .tenant: .string(tenantID.text)
        case .handle: .string(handle.text)
        case .tokenHash: .string(refreshTokenHash.hex)
        case .parentHash: parentRefreshTokenHash.map { .string($0.hex) } ?? .null
        case .antiCSRF: antiCSRFToken.map { .string($0.text) } ?? .null
        case .userData: .object(userData)
        }
    }

    /// Reads the payload of a token; it is given away only once the signature has been verified.
    ///
    /// - Throws: ``AccessTokenProblem/missingClaim(_:)`` with the first claim that is absent or of the wrong type.
    init(object: JSONObject?, format: AccessTokenFormat) throws(AccessTokenProblem) {
        guard let object else { throw .malformed }
        let reader = ClaimReader(object: object, format: format)
        let userID = try reader.text(.userID)
        self.init(
            format: format,
            handle: SessionHandle(try reader.text(.handle)),
            userID: UserID(userID),
            recipeUserID: UserID(try reader.textIfPartOfFormat(.recipeUser) ?? userID),
            tenantID: try reader.textIfPartOfFormat(.tenant).map(TenantID.init) ?? .public,
            refreshTokenHash: try reader.hash(.tokenHash),
            parentRefreshTokenHash: try reader.optionalHash(.parentHash),
            antiCSRFToken: try reader.optionalText(.antiCSRF).map(AntiCSRFToken.init),
            issuedAt: try reader.time(.issuedAt),
            expiresAt: try reader.time(.expiresAt),
            userData: JSONObjectText(try reader.userData())
        )
    }
}

/// Finds the claims of one format in a payload.
private struct ClaimReader {
    let object: JSONObject
    let format: AccessTokenFormat

    private func value(_ claim: AccessTokenFormat.Claim) -> (name: String, value: JSONValue?)? {
        format.claims.first { $0.claim == claim }.map { ($0.name, object[$0.name]) }
    }

    func textIfPartOfFormat(_ claim: AccessTokenFormat.Claim) throws(AccessTokenProblem) -> String? {
        guard let (name, value) = value(claim) else { return nil }
        guard let text = value?.string else { throw .missingClaim(name) }
        return text
    }

    func text(_ claim: AccessTokenFormat.Claim) throws(AccessTokenProblem) -> String {
        guard let text = try textIfPartOfFormat(claim) else { throw .malformed }
        return text
    }

    /// Legacy forms may lack the member; newer ones must have it, be it null.
    func optionalText(_ claim: AccessTokenFormat.Claim) throws(AccessTokenProblem) -> String? {
        guard let (name, value) = value(claim) else { return nil }
        switch value {
        case .null?: return nil
        case .string(let text)?: return text
        case nil where format.isLegacy: return nil
        default: throw .missingClaim(name)
        }
    }

    func hash(_ claim: AccessTokenFormat.Claim) throws(AccessTokenProblem) -> TokenHash {
        let text = try text(claim)
        guard let hash = TokenHash(hex: text) else { throw .missingClaim(value(claim)?.name ?? "") }
        return hash
    }

    func optionalHash(_ claim: AccessTokenFormat.Claim) throws(AccessTokenProblem) -> TokenHash? {
        guard let text = try optionalText(claim) else { return nil }
        guard let hash = TokenHash(hex: text) else { throw .missingClaim(value(claim)?.name ?? "") }
        return hash
    }

    /// A plain integer in the format's unit; anything else, however large, is refused and never rounded (T07).
    func time(_ claim: AccessTokenFormat.Claim) throws(AccessTokenProblem) -> Timestamp {
        guard let (name, value) = value(claim), let count = value?.number?.int64 else {
            throw .missingClaim(value(claim)?.name ?? "")
        }
        let (milliseconds, overflow) = count.multipliedReportingOverflow(by: format.isLegacy ? 1 : 1000)
        guard !overflow else { throw .missingClaim(name) }
        return Timestamp(milliseconds: milliseconds)
    }

    func userData() throws(AccessTokenProblem) -> JSONObject {
        if let (name, value) = value(.userData) {
            guard let data = value?.object else { throw .missingClaim(name) }
            return data
        }
        let own = format.protectedClaims
        return JSONObject(object.members.filter { !own.contains($0.name) })
    }
}
