//! Photos and credentials as files.

use authority::{Error, PhotoFile};
use axum::{
    body::{Body, Bytes},
    http::{HeaderValue, header},
    response::{IntoResponse, Response},
};

use crate::problem::Problem;

/// A photo. Its bytes are wiped once they have been sent.
pub(crate) fn photo(file: PhotoFile) -> Result<Response, Problem> {
    let media_type = match file.media_type.as_str() {
        "image/jpeg" => "image/jpeg",
        "image/png" => "image/png",
        "image/webp" => "image/webp",
        _ => return Err(Error::Internal("a photo of a type that is not served").into()),
    };
    let headers = [(header::CONTENT_TYPE, HeaderValue::from_static(media_type))];
    Ok((headers, wiped(file.bytes)).into_response())
}

/// A credential, `COSE_Sign1` in CBOR.
pub(crate) fn credential(bytes: impl AsRef<[u8]> + Send + 'static) -> Response {
    let headers = [
        (
            header::CONTENT_TYPE,
            HeaderValue::from_static("application/cose; cose-type=\"cose-sign1\""),
        ),
        (
            header::CONTENT_DISPOSITION,
            HeaderValue::from_static("attachment; filename=\"e-licence.cose\""),
        ),
    ];
    (headers, wiped(bytes)).into_response()
}

/// An archive, piece by piece. Its name is made of an identifier.
pub(crate) fn archive<S, E>(name: &str, pieces: S) -> Response
where
    S: futures_util::Stream<Item = Result<Bytes, E>> + Send + 'static,
    E: Into<axum::BoxError>,
{
    let mut response = Body::from_stream(pieces).into_response();
    let headers = response.headers_mut();
    let kind = HeaderValue::from_static("application/x-tar");
    headers.insert(header::CONTENT_TYPE, kind);
    let disposition = format!("attachment; filename=\"{name}\"");
    if let Ok(disposition) = HeaderValue::try_from(disposition) {
        headers.insert(header::CONTENT_DISPOSITION, disposition);
    }
    response
}

/// A body that keeps its owner, whose drop wipes the bytes, instead of copying them.
fn wiped(bytes: impl AsRef<[u8]> + Send + 'static) -> Body {
    Body::from(Bytes::from_owner(bytes))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_photo_is_served_only_as_an_image() {
        let file = |media_type: &str| PhotoFile {
            media_type: media_type.to_owned(),
            bytes: b"\xff\xd8\xff".to_vec().into(),
        };
        let response = photo(file("image/jpeg")).unwrap();
        assert_eq!(response.headers()[header::CONTENT_TYPE], "image/jpeg");
        let problem = photo(file("text/html")).unwrap_err();
        assert_eq!(problem.code(), "internal");
    }

    #[test]
    fn a_credential_is_saved_and_not_shown() {
        let response = credential(vec![0xd2]);
        assert_eq!(
            response.headers()[header::CONTENT_TYPE],
            "application/cose; cose-type=\"cose-sign1\""
        );
        assert_eq!(
            response.headers()[header::CONTENT_DISPOSITION],
            "attachment; filename=\"e-licence.cose\""
        );
    }
}
