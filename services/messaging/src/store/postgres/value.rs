//! Parameters and columns as PostgreSQL has them: integers, text and bytes, each NULL or not.
//!
//! The server says what type a parameter has where it stands; an integer is written in that width, and anything that
//! does not fit is refused before it is sent.

use tokio_postgres::{
    Row,
    types::{IsNull, ToSql, Type, private::BytesMut},
};

use crate::store::{Error, Value};

type Refused = Box<dyn std::error::Error + Sync + Send>;

impl ToSql for Value<'_> {
    fn to_sql(&self, ty: &Type, out: &mut BytesMut) -> Result<IsNull, Refused> {
        match (self, ty) {
            (Self::Null, _) => Ok(IsNull::Yes),
            (Self::Int(value), &Type::INT8) => value.to_sql(ty, out),
            (Self::Int(value), &Type::INT4) => i32::try_from(*value)?.to_sql(ty, out),
            (Self::Text(text), &(Type::TEXT | Type::VARCHAR | Type::NAME)) => text.to_sql(ty, out),
            (Self::Blob(bytes), &Type::BYTEA) => bytes.to_sql(ty, out),
            _ => Err(format!("a parameter of another kind than {ty}").into()),
        }
    }

    fn accepts(_: &Type) -> bool {
        true
    }

    fn to_sql_checked(&self, ty: &Type, out: &mut BytesMut) -> Result<IsNull, Refused> {
        self.to_sql(ty, out)
    }
}

/// An integer, or what SQLite has an integer for.
pub(in crate::store) fn int(row: &Row, column: usize) -> Result<i64, Error> {
    Ok(match row.columns().get(column).map(|column| column.type_()) {
        Some(&Type::BOOL) => i64::from(row.try_get::<_, bool>(column)?),
        Some(&Type::INT4) => i64::from(row.try_get::<_, i32>(column)?),
        _ => row.try_get(column)?,
    })
}
