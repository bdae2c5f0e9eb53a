import LosslessJSON

extension AccessTokenClaims {
    /// The token's payload as bytes, members in the order of the format.
    ///
    /// - Throws: ``JSONError`` when the stored payload is damaged.
    func payload() throws(JSONError) -> [UInt8] { try object().serialized() }

    /// The token's payload, members in the order of the format.
    ///
    /// - Throws: ``JSONError`` when the stored payload is damaged.
    func object() throws(JSONError) -> JSONObject {
        let data = try userData.decoded()
        var payload = JSONObject()
        for named in format.claims {
            let value = json(of: named.claim, userData: data)
            // Legacy forms leave a null member out, newer ones write it
            // (docs/specification/core.md 2.2 and 10.1 no. 10).
            if format.isLegacy && value.isNull { continue }
            payload.append(named.name, value)
        }
        if !format.isLegacy {
            for member in data.members { payload.append(member) }
        }
        return payload
    }

    private func json(of claim: AccessTokenFormat.Claim, userData: JSONObject) -> JSONValue {
        switch claim {
        case .issuedAt: .integer(format.isLegacy ? issuedAt.milliseconds : issuedAt.wholeSeconds)
        case .expiresAt: .integer(format.isLegacy ? expiresAt.milliseconds : expiresAt.wholeSeconds)
        case .userID: .string(userID.rawValue)
        case .recipeUser: .string(recipeUserID.rawValue)
        case .tenant: .string(tenantID.rawValue)
        case .handle: .string(handle.rawValue)
        case .tokenHash: .string(refreshTokenHash.hex)
        case .parentHash: parentRefreshTokenHash.map { .string($0.hex) } ?? .null
        case .antiCSRF: antiCSRFToken.map { .string($0.exposed) } ?? .null
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
            userData: .parsed(try reader.userData())
        )
    }
}

/// Finds the claims of one format in a payload.
private struct ClaimReader {
    private let object: JSONObject
    private let format: AccessTokenFormat
    private let claims: [AccessTokenFormat.NamedClaim]

    init(object: JSONObject, format: AccessTokenFormat) {
        self.object = object
        self.format = format
        claims = format.claims
    }

    /// A claim's name and value; tokens are written in the order of their format, so it is looked for there first.
    private func value(_ claim: AccessTokenFormat.Claim) -> (name: String, value: JSONValue?)? {
        guard let index = claims.firstIndex(where: { $0.claim == claim }) else { return nil }
        let name = claims[index].name
        return (name, isInPlace(index) ? object.members[index].value : object[name])
    }

    /// Whether the member at a place is the claim that the format has there.
    private func isInPlace(_ index: Int) -> Bool {
        index < claims.count && index < object.count && object.members[index].isNamed(claims[index].name)
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
        let inPlace = claims.indices.prefix(while: isInPlace).count
        let rest = object.members[inPlace...]
        // Names are unique: after all claims there can be none.
        if inPlace == claims.count { return JSONObject(uniqueMembers: Array(rest)) }
        return JSONObject(
            uniqueMembers: rest.filter { member in !claims.contains { member.isNamed($0.name) } })
    }
}
